# The command line tool, with the conformance cases in it; and with the relay, where json-c is found.
set(cases_dir ${PROJECT_SOURCE_DIR}/core/tools/conform/cases)
set(cases_inc ${RCACHE_GENERATED_DIR}/cases.inc)
file(GLOB cases CONFIGURE_DEPENDS ${cases_dir}/*.txt)
add_custom_command(OUTPUT ${cases_inc}
    COMMAND ${CMAKE_COMMAND} -D DIRECTORY=${cases_dir} -D OUTPUT=${cases_inc}
        -P ${PROJECT_SOURCE_DIR}/cmake/embed_cases.cmake
    DEPENDS ${cases} ${PROJECT_SOURCE_DIR}/cmake/embed_cases.cmake ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
    VERBATIM COMMENT "Embedding conformance cases")

find_package(json-c QUIET CONFIG) # from 0.14 on, which some packages of it do not tell
file(GLOB tool_sources CONFIGURE_DEPENDS core/tools/*.c core/tools/conform/*.c core/tools/relay/*.c)
if(json-c_FOUND)
    list(FILTER tool_sources EXCLUDE REGEX "/relay/none\\.c$")
    message(STATUS "Relay: json-c")
else()
    list(FILTER tool_sources EXCLUDE REGEX "/relay/[^/]*\\.c$")
    list(APPEND tool_sources ${PROJECT_SOURCE_DIR}/core/tools/relay/none.c)
    message(STATUS "Relay: none")
endif()
add_executable(resilicache_cli ${tool_sources} ${cases_inc})
set_target_properties(resilicache_cli PROPERTIES OUTPUT_NAME resilicache)
target_include_directories(resilicache_cli PRIVATE core/tools ${RCACHE_GENERATED_DIR})
target_link_libraries(resilicache_cli PRIVATE resilicache_core $<TARGET_NAME_IF_EXISTS:json-c::json-c>)
rcache_warn(resilicache_cli)
install(TARGETS resilicache_cli)
