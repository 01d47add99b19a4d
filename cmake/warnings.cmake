# The warnings that our own code is free of.  Never for code of others.
function(rcache_warn target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Wpedantic -Wstrict-prototypes
        -Wmissing-prototypes -Wvla $<$<BOOL:${RCACHE_WERROR}>:-Werror>
        -Wno-overlength-strings) # an embedded script may be longer than the 4095 bytes that C11 promises
endfunction()
