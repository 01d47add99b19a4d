/* resilicache.i: the C interface for any language with SWIG's unified typemaps.  No callback, no address: whatever a
 * program does with what it gets here, it can't read or free what is not its own.
 *
 * Bytes go in and out as the language's strings of bytes.  A batch is two of them: the keys, one behind the other, and
 * their sizes as unsigned 32-bit numbers (Perl: pack "L*"); the sizes of a load's answers are signed ones ("l*").
 * What a function returns is the caller's, and freed when the language forgets it. */

#if SWIG_VERSION < 0x040400
#error "resilicache.i needs SWIG 4.4 or newer: pip install 'swig>=4.4'"
#endif

%include <stdint.i>
%include <constraints.i>

%{
#include "calls.c"

typedef struct bytes {
    const void *data;
    size_t size;
} bytes;

/* What came of each key of an operation. */
typedef struct results {
    rcache_result *result;
    size_t count;
    rcache_value values[];
} results;

static void results_free(results *results) {
    rcache_result_free(results->result);
    free(results);
}

/* Consumes the result.  NULL: there was none, or there is no memory. */
static results *results_of(rcache_result *result) {
    if (result == NULL)
        return NULL;
    size_t count = rcache_result_values(result, NULL, 0);
    results *made = malloc(sizeof *made + count * sizeof *made->values);
    if (made == NULL) {
        rcache_result_free(result);
        return NULL;
    }
    *made = (results){ result, count };
    rcache_result_values(result, made->values, count);
    return made;
}

static rcache_value value_at(const results *results, size_t index) {
    return index < results->count ? results->values[index] : (rcache_value){ NULL, 0, RCACHE_FAILED, RCACHE_OK };
}
%}

/* ---- bytes ---- */

%apply (char *STRING, size_t LENGTH) {
    (const void *data, size_t size), (const char *key, size_t key_size), (const char *text, size_t text_size),
    (const char *keys, size_t keys_size), (const char *values, size_t values_size),
    (const uint32_t *key_sizes, size_t count), (const int32_t *sizes, size_t count)
}
%typemap(check, noblock=1) (const uint32_t *key_sizes, size_t count), (const int32_t *sizes, size_t count) {
    if ($2 % sizeof *$1 != 0) {
        SWIG_exception_fail(SWIG_ValueError, "$1_name is a string of packed numbers, 32 bits each");
    }
    $2 /= sizeof *$1;
}
%typemap(out, noblock=1, fragment="SWIG_FromCharPtrAndSize") bytes {
    %set_output(SWIG_FromCharPtrAndSize($1.data != NULL ? $1.data : "", $1.size));
}

/* ---- owners: what the language forgets is freed; what a function has consumed is NULL and of no more use ---- */

%define %checked(TYPE)
%typemap(in, noblock=1) TYPE * (void *pointer = NULL, int converted = 0) {
    converted = SWIG_ConvertPtr($input, &pointer, $descriptor, $disown ? SWIG_POINTER_RELEASE : 0);
    if (!SWIG_IsOK(converted) && converted != SWIG_ERROR_RELEASE_NOT_OWNED) {
        %argument_fail(converted, "$type", $symname, $argnum);
    }
    if (pointer == NULL && !$disown) {
        SWIG_exception_fail(SWIG_ValueError, "$symname: this " #TYPE " is none, or has ended");
    }
    $1 = ($1_ltype)pointer;
}
%typemap(in) const TYPE * = TYPE *;
%enddef

%define %owned(TYPE, FREE)
%checked(TYPE)
%nodefaultctor TYPE;
%delobject FREE;
struct TYPE { %extend { ~TYPE() { FREE($self); } } };
%enddef

%owned(handle, handle_free)
%owned(rcache_options, rcache_options_free)
%typemap(in) const rcache_options * = SWIGTYPE *; /* may be none */
%owned(rcache_load, rcache_load_finish)
%owned(rcache_queue, rcache_queue_free)
%owned(results, results_free)
%checked(step)
%extend step { ~step() { step_clear($self); free($self); } }
%checked(gathered)
%extend gathered { ~gathered() { gathered_clear($self); free($self); } }
%checked(drained)
%extend drained { ~drained() { drained_clear($self); free($self); } }
%apply Pointer NONNULL { rcache_error *err, rcache_option_info *info };

%newobject handle_open;
%newobject handle_stats;
%newobject handle_session_token;
%newobject rcache_options_new;
%newobject queue_open;
%newobject step_take_load;
%newobject step_take_results;
%newobject drained_take_load;
%newobject drained_take_results;

/* ---- what there is: of the header, constants and the functions that are named here ---- */

%rename("$ignore", %$isfunction, regexmatch$name="^rcache_") "";
%rename("%s") rcache_version;
%rename("%s") rcache_has;
%rename("%s") rcache_status_name;
%rename("%s") rcache_status_retriable;
%rename("%s") rcache_options_new;
%rename("%s") rcache_options_set;
%rename("%s") rcache_options_describe;
%rename("%s") rcache_load_count;
%rename("%s") rcache_load_position;
%rename("%s") rcache_load_primary;
%rename("%s") rcache_load_wanted;
%rename("%s") rcache_load_fence;
%rename("%s") rcache_load_value;
%rename("%s") rcache_load_absent;
%rename("%s") rcache_load_version;
%rename("%s") rcache_load_fail;
%rename("%s") rcache_load_fail_permanent;
%rename("%s") rcache_load_finish;
%rename("%s") rcache_op_cancel;
%rename("%s") rcache_queue_fd;
%rename("%s") rcache_queue_free;

%ignore rcache_call;
%ignore rcache_event;
%ignore rcache_value;
%ignore rcache_option_info::struct_size;
%ignore rcache_option_info::reserved;
%extend rcache_option_info {
    rcache_option_info() {
        rcache_option_info *info = calloc(1, sizeof *info);
        if (info != NULL)
            info->struct_size = sizeof *info;
        return info;
    }
}
%ignore handle_free;
%ignore text_free;
%ignore load_positions;
%ignore step::op;
%ignore step::event;
%ignore step::copy;
%ignore step_take_result;
%ignore gathered::ops;
%ignore gathered::tags;
%ignore gathered::count;
%ignore drained::events;
%ignore drained::copy;
%ignore drained_take_result;

%immutable;
%include "resilicache.h"
%include "calls.h"
%mutable;

/* ---- what the structs above hold ---- */

%inline %{
int32_t step_kind(const step *step) {
    return (int32_t)step->event.kind;
}

/* The first `size` bytes of `copy`. */
bytes step_copied(const step *step, size_t size) {
    return (bytes){ step->copy, size < sizeof step->copy ? size : sizeof step->copy };
}

/* As it, from `start` on. */
bytes drained_copied(const drained *drained, size_t start, size_t size) {
    size_t rest = start < sizeof drained->copy ? sizeof drained->copy - start : 0;
    return (bytes){ drained->copy + sizeof drained->copy - rest, size < rest ? size : rest };
}

results *step_take_results(step *step) {
    return results_of(step_take_result(step));
}

results *drained_take_results(drained *drained, size_t index) {
    return results_of(drained_take_result(drained, index));
}

size_t results_count(const results *results) {
    return results->count;
}

int32_t results_outcome(const results *results, size_t index) {
    return value_at(results, index).outcome;
}

int32_t results_status(const results *results, size_t index) {
    return value_at(results, index).status;
}

const char *results_message(const results *results, size_t index) {
    return rcache_result_message(results->result, index);
}

bytes results_bytes(const results *results, size_t index) {
    rcache_value value = value_at(results, index);
    return (bytes){ value.data, value.size };
}
%}
