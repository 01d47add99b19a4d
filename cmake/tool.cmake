# The command line tool, with the conformance cases in it.
set(cases_dir ${PROJECT_SOURCE_DIR}/core/tools/conform/cases)
set(cases_inc ${RCACHE_GENERATED_DIR}/cases.inc)
file(GLOB cases CONFIGURE_DEPENDS ${cases_dir}/*.txt)
add_custom_command(OUTPUT ${cases_inc}
    COMMAND ${CMAKE_COMMAND} -D DIRECTORY=${cases_dir} -D OUTPUT=${cases_inc}
        -P ${PROJECT_SOURCE_DIR}/cmake/embed_cases.cmake
    DEPENDS ${cases} ${PROJECT_SOURCE_DIR}/cmake/embed_cases.cmake ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
    VERBATIM COMMENT "Embedding conformance cases")

file(GLOB tool_sources CONFIGURE_DEPENDS core/tools/*.c core/tools/conform/*.c)
add_executable(resilicache_cli ${tool_sources} ${cases_inc})
set_target_properties(resilicache_cli PROPERTIES OUTPUT_NAME resilicache)
target_include_directories(resilicache_cli PRIVATE core/tools ${RCACHE_GENERATED_DIR})
target_link_libraries(resilicache_cli PRIVATE resilicache_core)
rcache_warn(resilicache_cli)
install(TARGETS resilicache_cli)
