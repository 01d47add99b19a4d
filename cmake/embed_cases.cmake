# Run by the build: cmake -D DIRECTORY=... -D OUTPUT=... -P embed_cases.cmake
# Writes CASES("name", "text") for each file of conformance cases, sorted by name.
include(${CMAKE_CURRENT_LIST_DIR}/embed_text.cmake)
file(GLOB paths ${DIRECTORY}/*.txt)
list(SORT paths)
set(table "/* Made by cmake/embed_cases.cmake. */\n")
foreach(path IN LISTS paths)
    get_filename_component(name ${path} NAME)
    file(READ ${path} text)
    text_as_c("${text}" literal)
    string(APPEND table "CASES(\"${name}\",\n    ${literal})\n")
endforeach()
file(WRITE ${OUTPUT} "${table}")
