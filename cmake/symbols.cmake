# What the libraries let out: the names in core/resilicache.syms and nothing else.
set(symbols_file ${PROJECT_SOURCE_DIR}/core/resilicache.syms)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${symbols_file})

# A shared library: hiredis stays inside, no name may be left open, and it stays loaded because it has threads.
function(rcache_export_only target)
    file(STRINGS ${symbols_file} names)
    list(JOIN names ";\n        " names)
    set(map ${PROJECT_BINARY_DIR}/generated/resilicache.map)
    file(CONFIGURE OUTPUT ${map} CONTENT "{\n    global:\n        ${names};\n    local:\n        *;\n};\n")
    target_link_options(${target} PRIVATE
        -Wl,--version-script=${map} -Wl,--exclude-libs,ALL -Wl,-z,nodelete -Wl,-z,defs)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${map})
endfunction()

# The static library: hidden is not local in an archive, where a program's own hiredis would be taken for ours.  So
# our objects and the parts of hiredis that they use become one object with all other names made local.
function(rcache_join result)
    set(object ${PROJECT_BINARY_DIR}/generated/resilicache.o)
    add_custom_command(OUTPUT ${object}
        COMMAND ${CMAKE_LINKER} -r -o ${object} $<TARGET_OBJECTS:resilicache_core> $<TARGET_FILE:hiredis::hiredis>
        COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=${symbols_file} ${object}
        DEPENDS resilicache_core $<TARGET_OBJECTS:resilicache_core> hiredis::hiredis ${symbols_file}
        COMMAND_EXPAND_LISTS VERBATIM COMMENT "Joining resilicache.o")
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
    set(${result} ${object} PARENT_SCOPE)
endfunction()
