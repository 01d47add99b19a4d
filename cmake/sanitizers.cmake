# RCACHE_SANITIZE: for everything that is built, hiredis too, since half a sanitizer sees races that are none.
if(RCACHE_SANITIZE)
    list(JOIN RCACHE_SANITIZE "," sanitizers)
    add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${sanitizers})
endif()
if(RCACHE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
