# scripts.inc: the Lua scripts as C.  RCACHE_SCRIPTS_INC is the file, RCACHE_GENERATED_DIR is where it is found.
set(RCACHE_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)
set(RCACHE_SCRIPTS_INC ${RCACHE_GENERATED_DIR}/scripts.inc)
set(scripts_dir ${PROJECT_SOURCE_DIR}/core/src/backend/redis/scripts)
file(GLOB scripts CONFIGURE_DEPENDS ${scripts_dir}/*.lua)
add_custom_command(OUTPUT ${RCACHE_SCRIPTS_INC}
    COMMAND ${CMAKE_COMMAND} -D DIRECTORY=${scripts_dir} -D OUTPUT=${RCACHE_SCRIPTS_INC}
        -P ${PROJECT_SOURCE_DIR}/cmake/embed_scripts.cmake
    DEPENDS ${scripts} ${PROJECT_SOURCE_DIR}/cmake/embed_scripts.cmake ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake
    VERBATIM COMMENT "Embedding scripts")
