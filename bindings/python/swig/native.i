/* native.i: the extension `resilicache._native_swig`, for resilicache/_swig.py alone.  By -interface there is no Python
 * layer of SWIG's: an owner is a bare pointer, which frees what it points to. */
%module _native_swig

%begin %{
#define SWIG_PYTHON_STRICT_BYTE_CHAR     /* char * is bytes */
#define SWIG_TYPE_TABLE resilicache      /* other extensions have a `handle` and a `step` of their own */
/* No thread of ours ever enters Python: the lock is given away and taken back, never taken out of nothing. */
#define SWIG_PYTHON_NO_USE_GIL
#define SWIG_PYTHON_THREAD_BEGIN_ALLOW PyThreadState *given_away = PyEval_SaveThread()
#define SWIG_PYTHON_THREAD_END_ALLOW PyEval_RestoreThread(given_away)
%}

/* Bytes are any buffer.  The stable ABI before 3.11 has no buffers but bytes; what is none is copied. */
%fragment("as_bytes", "header") {
static PyObject *as_bytes(PyObject *object) {
    if (PyBytes_Check(object)) {
        Py_IncRef(object);
        return object;
    }
    PyObject *view = PyMemoryView_FromObject(object);
    PyObject *bytes = view != NULL ? PyBytes_FromObject(view) : NULL;
    Py_XDECREF(view);
    return bytes;
}
}
%typemap(in, noblock=1, fragment="as_bytes") (char *STRING, size_t LENGTH) (PyObject *bytes = NULL) {
    bytes = as_bytes($input);
    if (bytes == NULL)
        SWIG_fail;
    $1 = ($1_ltype)(void *)PyBytes_AsString(bytes);
    $2 = ($2_ltype)PyBytes_Size(bytes);
}
%typemap(freearg, noblock=1) (char *STRING, size_t LENGTH) {
    Py_XDECREF(bytes$argnum);
}

%typemap(out, noblock=1) handle *, rcache_options *, rcache_load *, rcache_queue *, results * {
    %set_output(SWIG_NewPointerObj(%as_voidptr($1), $descriptor, $owner | SWIG_POINTER_NOSHADOW));
}

/* The lock is given away only around what may wait or take long. */
%nothread;
%thread step_one;
%thread step_many;
%thread step_wait;
%thread handle_close;

%include "resilicache.i"

%inline %{
/* What the structs are, and what lies where one of them points to. */
bytes results_values(const results *results) {
    return (bytes){ results->values, results->count * sizeof *results->values };
}

bytes drained_events(const drained *drained, size_t count) {
    return (bytes){ drained->events, (count < DRAINED_MAX ? count : DRAINED_MAX) * sizeof *drained->events };
}

bytes peek(uint64_t address, size_t size) {
    return (bytes){ (const void *)(uintptr_t)address, size };
}
%}
