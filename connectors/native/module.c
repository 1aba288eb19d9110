/* The Python face of the decoders: one type, whose work runs without the interpreter lock. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "decoder.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    Decoder decoder;
    int busy; /* a thread is inside feed() */
} DecoderObject;

static int decoder_init(DecoderObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"protocol", "formats", NULL};
    const char *protocol;
    PyObject *formats;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sO", names, &protocol, &formats)) return -1;
    Decoder *decoder = &self->decoder;
    if (decoder->columns) {
        PyErr_SetString(PyExc_RuntimeError, "a decoder is made once");
        return -1;
    }
    if (!strcmp(protocol, "mysql")) decoder->protocol = MYSQL;
    else if (!strcmp(protocol, "postgres")) decoder->protocol = POSTGRES;
    else {
        PyErr_SetString(PyExc_ValueError, "the protocol is mysql or postgres");
        return -1;
    }
    Py_ssize_t count = PySequence_Size(formats);
    if (count < 0) return -1;
    if (count == 0 || count > 32767) {
        PyErr_SetString(PyExc_ValueError, "1 to 32767 columns");
        return -1;
    }
    decoder->columns = calloc((size_t)count, sizeof *decoder->columns);
    decoder->types = calloc((size_t)count, sizeof *decoder->types);
    if (!decoder->columns || !decoder->types) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(formats, i);
        if (!item) return -1;
        PyObject *bytes = PyUnicode_AsUTF8String(item);
        Py_DECREF(item);
        if (!bytes) return -1;
        decoder->count = (int)i + 1;
        bool known = column_init(&decoder->columns[i], PyBytes_AsString(bytes));
        Py_DECREF(bytes);
        if (!known) {
            PyErr_Format(PyExc_ValueError, "the format of column %zd is not known here", i);
            return -1;
        }
    }
    return 0;
}

static void decoder_dealloc(DecoderObject *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    decoder_free(&self->decoder);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *decoder_expect(DecoderObject *self, PyObject *types) {
    Decoder *decoder = &self->decoder;
    if (PySequence_Size(types) != decoder->count) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "one type for each column");
        return NULL;
    }
    for (int i = 0; i < decoder->count; i++) {
        PyObject *item = PySequence_GetItem(types, i);
        if (!item) return NULL;
        unsigned long type = PyLong_AsUnsignedLong(item);
        Py_DECREF(item);
        if (PyErr_Occurred()) return NULL;
        decoder->types[i] = (uint32_t)type;
        if (!binary_reads(&decoder->columns[i], (uint32_t)type)) return PyLong_FromLong(i);
    }
    Py_RETURN_NONE;
}

static PyObject *decoder_feed_(DecoderObject *self, PyObject *args) {
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "y*", &data)) return NULL;
    Decoder *decoder = &self->decoder;
    if (self->busy || !decoder->columns) {
        PyBuffer_Release(&data);
        PyErr_SetString(PyExc_RuntimeError, "one thread feeds a decoder");
        return NULL;
    }
    Fed fed;
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    fed = decoder_feed(decoder, data.buf, (size_t)data.len);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    PyBuffer_Release(&data);
    switch (fed) {
    case FEED_MORE: Py_RETURN_NONE;
    case FEED_MESSAGE:
        return Py_BuildValue("(iy#)", (int)decoder->message_type, (const char *)decoder->message,
                             (Py_ssize_t)decoder->message_size);
    case FEED_MISFIT: {
        PyObject *details = Py_BuildValue("(iIy#)", decoder->misfit_column, (unsigned int)decoder->misfit_type,
                                          (const char *)decoder->misfit, (Py_ssize_t)decoder->misfit_size);
        if (details) {
            PyErr_SetObject(PyExc_OverflowError, details);
            Py_DECREF(details);
        }
        return NULL;
    }
    case FEED_NO_MEMORY: return PyErr_NoMemory();
    default:
        PyErr_SetString(PyExc_ValueError, "the server's answer does not follow the protocol");
        return NULL;
    }
}

static void capsule_release(PyObject *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array) {
        if (array->release) array->release(array);
        free(array);
    }
}

static PyObject *decoder_take(DecoderObject *self, PyObject *nothing) {
    (void)nothing;
    Decoder *decoder = &self->decoder;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "one thread feeds a decoder");
        return NULL;
    }
    struct ArrowArray *array = calloc(1, sizeof *array);
    if (!array || !columns_take(decoder->columns, decoder->count, decoder->rows, array)) {
        free(array);
        return PyErr_NoMemory();
    }
    decoder->rows = 0;
    decoder->size = 0;
    PyObject *capsule = PyCapsule_New(array, "arrow_array", capsule_release);
    if (!capsule) {
        array->release(array);
        free(array);
    }
    return capsule;
}

static PyObject *decoder_discard(DecoderObject *self, PyObject *nothing) {
    (void)nothing;
    self->decoder.discarding = true;
    Py_RETURN_NONE;
}

static PyObject *decoder_rows(DecoderObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromLongLong(self->decoder.rows);
}

static PyObject *decoder_size(DecoderObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromSize_t(self->decoder.size);
}

static PyObject *decoder_pending(DecoderObject *self, void *nothing) {
    (void)nothing;
    return PyLong_FromSize_t(self->decoder.bytes.size - self->decoder.at);
}

static PyMethodDef methods[] = {
    {"expect", (PyCFunction)decoder_expect, METH_O,
     "expect(types): PostgreSQL's oids of the columns' types; the first column that cannot hold its type, or None."},
    {"feed", (PyCFunction)decoder_feed_, METH_VARARGS,
     "feed(data): decode what is whole. None: more is needed. (type, payload): a message that is no row.\n"
     "OverflowError(column, type, bytes): a value without a place; ValueError: no such protocol; both end the decoder."},
    {"take", (PyCFunction)decoder_take, METH_NOARGS, "take(): the rows so far, as an Arrow C data capsule."},
    {"discard", (PyCFunction)decoder_discard, METH_NOARGS,
     "discard(): from now on rows are passed over, also after an error; messages are still told."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getters[] = {
    {"rows", (getter)decoder_rows, NULL, "Rows that take() would give.", NULL},
    {"size", (getter)decoder_size, NULL, "Their bytes on the wire.", NULL},
    {"pending", (getter)decoder_pending, NULL, "Bytes that are not decoded yet.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Decoder(protocol, formats): a server's bytes -> columns of the Arrow formats."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, decoder_init},
    {Py_tp_dealloc, decoder_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getters},
    {0, NULL},
};

static PyType_Spec spec = {"connectors.native._rows.Decoder", sizeof(DecoderObject), 0, Py_TPFLAGS_DEFAULT, slots};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_rows", "Rows of MySQL and PostgreSQL as Arrow columns.", -1,
                                    NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__rows(void) {
    PyObject *made = PyModule_Create(&module);
    if (!made) return NULL;
    PyObject *type = PyType_FromSpec(&spec);
    if (!type || PyModule_AddObjectRef(made, "Decoder", type) < 0) {
        Py_XDECREF(type);
        Py_DECREF(made);
        return NULL;
    }
    Py_DECREF(type);
    return made;
}
