# Run by the build: cmake -D DIRECTORY=... -D OUTPUT=... -P embed_scripts.cmake
# Writes SCRIPT(layout, name, "text", "sha1 of the text") for each script of the directory and each layout, sorted by
# name.  Before each script go key.lua, the layout's hash.lua or packed.lua, and entry.lua.  Blank lines, and lines that
# are only a comment, are left out.
cmake_policy(SET CMP0007 NEW)
include(${CMAKE_CURRENT_LIST_DIR}/embed_text.cmake)

function(script_read path result)
    file(READ ${path} text)
    if(text MATCHES "\\[=*\\[")
        message(FATAL_ERROR "${path}: long strings and long comments don't survive this: use short ones")
    endif()
    string(REGEX REPLACE "\n[ \t]*--[^\n]*" "" text "\n${text}\n")
    string(REGEX REPLACE "\n([ \t]*\n)+" "\n" text "${text}")
    string(SUBSTRING "${text}" 1 -1 text)
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

file(GLOB scripts ${DIRECTORY}/*.lua)
list(SORT scripts)
list(FILTER scripts EXCLUDE REGEX "/(key|hash|packed|entry)\\.lua$")

set(table "/* Made by cmake/embed_scripts.cmake. */\n")
foreach(layout hash packed)
    set(prelude "")
    foreach(part key ${layout} entry)
        script_read(${DIRECTORY}/${part}.lua text)
        string(APPEND prelude "${text}")
    endforeach()
    foreach(path IN LISTS scripts)
        get_filename_component(name ${path} NAME_WE)
        script_read(${path} text)
        string(CONCAT text "${prelude}" "${text}")
        string(SHA1 sha1 "${text}")
        text_as_c("${text}" literal)
        string(APPEND table "SCRIPT(${layout}, ${name},\n    ${literal},\n    \"${sha1}\")\n")
    endforeach()
endforeach()
file(WRITE ${OUTPUT} "${table}")
