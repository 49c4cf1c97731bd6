/* The canonical forms and the tag list at the speed of C: optional, over the stable ABI of
 * Python 3.11.
 *
 * avowal._pure says what each function returns and is the reference; the property
 * tests hold both to the same results and exceptions.  Streaming, selection of fields
 * and everything that keeps state belong to Python.
 *
 * Rules of this file: every read and write is bounded by a length taken from Python in
 * the same call, no function runs Python code between taking a pointer and using it,
 * and no output is longer than the room computed for it.  Only SP and HTAB are white
 * space (RFC 6376 §2.8); a bare CR, a bare LF and NUL are ordinary octets.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#define WITH_SSE2 1
#include <emmintrin.h>
#ifdef _MSC_VER
#include <intrin.h>
#endif
#endif

typedef unsigned char octet;

/* Windows of a body: large enough to forget the cost of a call, small enough for L2. */
#define WINDOW (64 * 1024)

/* From here on the GIL is released.  Above WINDOW on purpose: a window takes at most
 * some 60 microseconds, while taking the GIL back from a busy thread may take 5 ms. */
#define WORTH_RELEASING (128 * 1024)

static inline int is_wsp(octet c)
{
    return (c == ' ') | (c == '\t');
}

/* The octets in `made` as bytes; frees it.  NULL stands for memory that was not to be had. */
static PyObject *taken(octet *made, Py_ssize_t size)
{
    PyObject *result;
    if (made == NULL)
        return PyErr_NoMemory();
    result = PyBytes_FromStringAndSize((const char *)made, size);
    free(made);
    return result;
}

/* ---- relaxed body: RFC 6376 §3.4.4 (a), within one window ---- */

/* Whether the white space at in[i] goes: other white space or CRLF follows it. */
static inline int is_dropped(const octet *in, Py_ssize_t i, Py_ssize_t n)
{
    if (i + 1 >= n)
        return 0;
    if (is_wsp(in[i + 1]))
        return 1;
    return in[i + 1] == '\r' && i + 2 < n && in[i + 2] == '\n';
}

#ifdef WITH_SSE2
#define BLOCK 16
/* A block reads two octets behind itself; moving its kept runs together reads up to 15. */
#define READS (2 * BLOCK)

static inline __m128i load(const octet *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

static inline __m128i equals(__m128i octets, char c)
{
    return _mm_cmpeq_epi8(octets, _mm_set1_epi8(c));
}

static inline __m128i blanks(__m128i octets)
{
    return _mm_or_si128(equals(octets, ' '), equals(octets, '\t'));
}

/* One bit for each of 16 octets: whether it is dropped. */
static inline unsigned dropped_of(const octet *at)
{
    __m128i next = load(at + 1);
    __m128i line_end = _mm_and_si128(equals(next, '\r'), equals(load(at + 2), '\n'));
    __m128i followed = _mm_or_si128(blanks(next), line_end);
    return (unsigned)_mm_movemask_epi8(_mm_and_si128(blanks(load(at)), followed));
}

/* Copy 16 octets, each HTAB as SP. */
static inline void put_block(octet *out, const octet *at)
{
    __m128i octets = load(at), tabs = equals(octets, '\t');
    octets = _mm_xor_si128(octets, _mm_and_si128(tabs, _mm_set1_epi8('\t' ^ ' ')));
    _mm_storeu_si128((__m128i *)out, octets);
}

static inline int lowest_bit(unsigned bits) /* bits is not 0 */
{
#ifdef _MSC_VER
    unsigned long at;
    _BitScanForward(&at, bits);
    return (int)at;
#else
    return __builtin_ctz(bits);
#endif
}

/* Copy the runs of a block that stay, each as 16 octets that the next one overwrites. */
static inline octet *put_kept(octet *out, const octet *at, unsigned dropped)
{
    int done = 0;
    while (dropped) { /* its bits count from `done` on */
        int kept = lowest_bit(dropped);
        int gone = lowest_bit(~(dropped >> kept)); /* there is one: 16 bits are in use */
        put_block(out, at + done);
        out += kept;
        done += kept + gone;
        dropped >>= kept + gone;
    }
    if (done < BLOCK)
        put_block(out, at + done);
    return out + (BLOCK - done);
}
#endif

#if defined(WITH_SSE2) && defined(__GNUC__)
#define WITH_SSSE3 1
#include <tmmintrin.h>

/* For each choice of 8 octets: where each one that is kept comes from, and how many are. */
static octet sources[256][8], kept_of[256];
static int has_ssse3;

static void prepare_ssse3(void)
{
    __builtin_cpu_init();
    has_ssse3 = __builtin_cpu_supports("ssse3");
    for (int choice = 0; choice < 256; choice++)
        for (int i = 0; i < 8; i++)
            if (choice >> i & 1)
                sources[choice][kept_of[choice]++] = (octet)i;
}

/* Write the kept ones of 8 octets, as 8 octets that the next ones overwrite. */
__attribute__((target("ssse3"))) static inline octet *put_half(octet *out, __m128i octets,
                                                               unsigned kept)
{
    __m128i order = _mm_loadl_epi64((const __m128i *)sources[kept]);
    _mm_storel_epi64((__m128i *)out, _mm_shuffle_epi8(octets, order));
    return out + kept_of[kept];
}

/* Like the loop over blocks of put_relaxed_body, but a block costs the same whatever goes;
 * returns how far it read. */
__attribute__((target("ssse3"))) static Py_ssize_t put_blocks_ssse3(octet **out, const octet *in,
                                                                    Py_ssize_t i, Py_ssize_t n)
{
    octet *to = *out;
    for (; n - i >= READS; i += BLOCK) {
        unsigned kept = ~dropped_of(in + i) & 0xFFFF;
        __m128i octets = load(in + i), tabs = equals(octets, '\t');
        octets = _mm_xor_si128(octets, _mm_and_si128(tabs, _mm_set1_epi8('\t' ^ ' ')));
        if (kept == 0xFFFF) {
            _mm_storeu_si128((__m128i *)to, octets);
            to += BLOCK;
        } else {
            to = put_half(to, octets, kept & 0xFF);
            to = put_half(to, _mm_srli_si128(octets, 8), kept >> 8);
        }
    }
    *out = to;
    return i;
}
#endif

/* How many octets from the start are canonical already; n when all of them are. */
static Py_ssize_t canonical_prefix(const octet *in, Py_ssize_t n)
{
    Py_ssize_t i = 0;
#ifdef WITH_SSE2
    for (; n - i >= READS; i += BLOCK) {
        __m128i here = load(in + i);
        if (_mm_movemask_epi8(blanks(here)) && /* never in base64 */
            (dropped_of(in + i) || _mm_movemask_epi8(equals(here, '\t'))))
            break;
    }
#endif
    for (; i < n; i++)
        if (in[i] == '\t' || (in[i] == ' ' && is_dropped(in, i, n)))
            return i;
    return n;
}

/* Write the relaxed form of in[from..n); `out` has room for n - from octets. */
static octet *put_relaxed_body(octet *out, const octet *in, Py_ssize_t from, Py_ssize_t n)
{
    Py_ssize_t i = from;
    /* What is written never overtakes what is read, so 16 octets behind `out` are there. */
#ifdef WITH_SSSE3
    if (has_ssse3)
        i = put_blocks_ssse3(&out, in, i, n);
#endif
#ifdef WITH_SSE2
    for (; n - i >= READS; i += BLOCK) {
        unsigned dropped = dropped_of(in + i);
        if (dropped == 0) {
            put_block(out, in + i);
            out += BLOCK;
        } else if (dropped != 0xFFFF) {
            out = put_kept(out, in + i, dropped);
        }
    }
#endif
    for (; n - i > 2; i++) { /* without branches: what is dropped is overwritten */
        octet c = in[i], next = in[i + 1];
        int line_end = (next == '\r') & (in[i + 2] == '\n');
        *out = c == '\t' ? ' ' : c;
        out += !(is_wsp(c) & (is_wsp(next) | line_end));
    }
    for (; i < n; i++)
        if (!is_wsp(in[i]))
            *out++ = in[i];
        else if (!is_dropped(in, i, n))
            *out++ = ' ';
    return out;
}

static PyObject *relax_body(PyObject *module, PyObject *window)
{
    Py_buffer view;
    PyObject *result = NULL;
    PyThreadState *released = NULL;
    octet *out;
    Py_ssize_t same, size = 0;

    (void)module;
    if (PyObject_GetBuffer(window, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    if (view.len >= WORTH_RELEASING)
        released = PyEval_SaveThread();
    same = canonical_prefix(view.buf, view.len);
    out = same == view.len ? NULL : malloc((size_t)view.len);
    if (out != NULL) {
        memcpy(out, view.buf, (size_t)same);
        size = put_relaxed_body(out + same, view.buf, same, view.len) - out;
    }
    if (released)
        PyEval_RestoreThread(released);
    if (same == view.len) {
        Py_INCREF(window);
        result = window;
    } else {
        result = taken(out, size);
    }
    PyBuffer_Release(&view);
    return result;
}

/* ---- line ends ---- */

/* Whether in[i] is an LF that no CR stands before or, if asked, a CR that no LF follows. */
static inline int is_bare(const octet *in, Py_ssize_t i, Py_ssize_t n, int also_cr)
{
    if (in[i] == '\n')
        return i == 0 || in[i - 1] != '\r';
    return also_cr && in[i] == '\r' && (i + 1 == n || in[i + 1] != '\n');
}

#ifdef WITH_SSE2
/* One bit for each of 16 octets: whether it is bare.  Reads one octet before and one behind. */
static inline unsigned bare_of(const octet *at, int also_cr)
{
    __m128i here = load(at);
    __m128i bare = _mm_andnot_si128(equals(load(at - 1), '\r'), equals(here, '\n'));
    if (also_cr) {
        __m128i followed = equals(load(at + 1), '\n');
        bare = _mm_or_si128(bare, _mm_andnot_si128(followed, equals(here, '\r')));
    }
    return (unsigned)_mm_movemask_epi8(bare);
}
#endif

static Py_ssize_t first_bare(const octet *in, Py_ssize_t n, int also_cr)
{
    Py_ssize_t i = 0;
#ifdef WITH_SSE2
    if (n > 0 && is_bare(in, 0, n, also_cr))
        return 0;
    for (i = 1; n - i > BLOCK; i += BLOCK) {
        unsigned bare = bare_of(in + i, also_cr);
        if (bare)
            return i + lowest_bit(bare);
    }
#endif
    for (; i < n; i++)
        if (is_bare(in, i, n, also_cr))
            return i;
    return -1;
}

static PyObject *bare_place(PyObject *octets, int also_cr)
{
    Py_buffer view;
    PyThreadState *released = NULL;
    Py_ssize_t place;
    if (PyObject_GetBuffer(octets, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    if (view.len >= WORTH_RELEASING)
        released = PyEval_SaveThread();
    place = first_bare(view.buf, view.len, also_cr);
    if (released)
        PyEval_RestoreThread(released);
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(place);
}

static PyObject *bare_lf(PyObject *module, PyObject *octets)
{
    (void)module;
    return bare_place(octets, 0);
}

static PyObject *bare_break(PyObject *module, PyObject *octets)
{
    (void)module;
    return bare_place(octets, 1);
}

static inline octet *put_octet(octet *out, const octet *in, Py_ssize_t i, Py_ssize_t n,
                               int also_cr)
{
    int bare = is_bare(in, i, n, also_cr);
    *out++ = bare ? '\r' : in[i];
    if (bare)
        *out++ = '\n';
    return out;
}

/* Room for n octets and one more for each bare one; 16 are written at a time only where so many
 * are to come. */
static void put_crlf(octet *out, const octet *in, Py_ssize_t n, int also_cr)
{
    Py_ssize_t i = 0;
#ifdef WITH_SSE2
    if (n > 0)
        out = put_octet(out, in, i++, n, also_cr);
    for (; n - i >= READS; i += BLOCK) {
        unsigned bare = bare_of(in + i, also_cr);
        int done = 0;
        while (bare) { /* its bits count from `done` on */
            int same = lowest_bit(bare);
            _mm_storeu_si128((__m128i *)out, load(in + i + done)); /* all but `same` is overwritten */
            out += same;
            *out++ = '\r';
            *out++ = '\n';
            done += same + 1;
            bare >>= same + 1;
        }
        _mm_storeu_si128((__m128i *)out, load(in + i + done));
        out += BLOCK - done;
    }
#endif
    for (; i < n; i++)
        out = put_octet(out, in, i, n, also_cr);
}

static Py_ssize_t count_bare(const octet *in, Py_ssize_t n, int also_cr)
{
    Py_ssize_t i = 0, count = 0;
#ifdef WITH_SSE2
    if (n > 0)
        count = is_bare(in, i++, n, also_cr);
    for (; n - i > BLOCK; i += BLOCK)
        for (unsigned bare = bare_of(in + i, also_cr); bare; bare &= bare - 1)
            count++;
#endif
    for (; i < n; i++)
        count += is_bare(in, i, n, also_cr);
    return count;
}

static PyObject *converted(PyObject *octets, int also_cr)
{
    Py_buffer view;
    PyThreadState *released = NULL;
    PyObject *result = NULL;
    Py_ssize_t count;
    if (PyObject_GetBuffer(octets, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    count = count_bare(view.buf, view.len, also_cr);
    if (view.len > PY_SSIZE_T_MAX - count)
        PyErr_NoMemory();
    else
        result = PyBytes_FromStringAndSize(NULL, view.len + count);
    if (result != NULL) {
        octet *out = (octet *)PyBytes_AsString(result);
        /* Octets that another thread may change would not fit what was counted. */
        if (view.len >= WORTH_RELEASING && PyBytes_Check(octets))
            released = PyEval_SaveThread();
        put_crlf(out, view.buf, view.len, also_cr);
        if (released)
            PyEval_RestoreThread(released);
    }
    PyBuffer_Release(&view);
    return result;
}

static PyObject *lf_to_crlf(PyObject *module, PyObject *octets)
{
    (void)module;
    return converted(octets, 0);
}

static PyObject *breaks_to_crlf(PyObject *module, PyObject *octets)
{
    (void)module;
    return converted(octets, 1);
}

/* The last LF in octets[from..to), -1 where there is none. */
static Py_ssize_t last_lf(const char *octets, Py_ssize_t from, Py_ssize_t to)
{
    while (to > from)
        if (octets[--to] == '\n')
            return to;
    return -1;
}

static PyObject *column_after(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    char *octets;
    Py_ssize_t n, column, most, start = 0, reach, last;

    (void)module;
    if (nargs != 3) {
        PyErr_SetString(PyExc_TypeError, "column_after takes octets, a column and a limit");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &octets, &n) < 0)
        return NULL;
    column = PyLong_AsSsize_t(args[1]);
    if (column == -1 && PyErr_Occurred())
        return NULL;
    most = PyLong_AsSsize_t(args[2]);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    if (column < 0 || most <= column)
        return PyLong_FromLong(-1);
    for (reach = most - column; reach <= n; reach = start + most) {
        last = last_lf(octets, start, reach);
        if (last < 0)
            return PyLong_FromLong(-1);
        start = last + 1;
        if (most > n - start) /* also keeps the sum from overflowing */
            break;
    }
    last = last_lf(octets, start, n);
    if (last >= 0)
        return PyLong_FromSsize_t(n - 1 - last);
    return PyLong_FromSsize_t(start ? n - start : column + n);
}

/* ---- header section ---- */

static inline octet lower(octet c)
{
    return c >= 'A' && c <= 'Z' ? (octet)(c + ('a' - 'A')) : c;
}

/* Length of the field name at the start of raw[0..n), and where its colon stands (-1 and
 * 0 where this is no field): RFC 5322 §3.6.8 ftext, §4.5.8 white space before the colon. */
static Py_ssize_t field_name(const octet *raw, Py_ssize_t n, Py_ssize_t *colon)
{
    Py_ssize_t length = 0, at;
    while (length < n && raw[length] >= 33 && raw[length] <= 126 && raw[length] != ':')
        length++;
    for (at = length; at < n && is_wsp(raw[at]);)
        at++;
    if (length == 0 || at == n || raw[at] != ':') {
        *colon = -1;
        return 0;
    }
    *colon = at;
    return length;
}

/* Append an object that is ours to give away. */
static int append(PyObject *list, PyObject *made)
{
    int failed = made == NULL || PyList_Append(list, made) < 0;
    Py_XDECREF(made);
    return failed ? -1 : 0;
}

static int append_field(PyObject *lists[3], const octet *raw, Py_ssize_t n)
{
    Py_ssize_t colon, i, length = field_name(raw, n, &colon);
    PyObject *name = PyBytes_FromStringAndSize(length ? NULL : "", length);
    if (name != NULL && length) {
        octet *out = (octet *)PyBytes_AsString(name);
        for (i = 0; i < length; i++)
            out[i] = lower(raw[i]);
    }
    if (append(lists[1], name) < 0)
        return -1;
    if (append(lists[0], PyBytes_FromStringAndSize((const char *)raw, n)) < 0)
        return -1;
    return append(lists[2], PyLong_FromSsize_t(colon));
}

static PyObject *split_header(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *lists[3] = {NULL, NULL, NULL}, *result = NULL;
    char *octets;
    Py_ssize_t n, most = PY_SSIZE_T_MAX, start = 0, from = 0;
    int i;

    (void)module;
    if (nargs != 1 && nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "split_header takes octets and, if wanted, a limit");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &octets, &n) < 0)
        return NULL;
    if (nargs == 2 && (most = PyLong_AsSsize_t(args[1]), most == -1 && PyErr_Occurred()))
        return NULL;
    for (i = 0; i < 3; i++)
        if ((lists[i] = PyList_New(0)) == NULL)
            goto done;
    while (start < n && PyList_Size(lists[0]) <= most) {
        const char *found = from < n ? memchr(octets + from, '\n', (size_t)(n - from)) : NULL;
        Py_ssize_t end = found ? found - octets : n; /* the LF, if there is one */
        from = end + 1;
        if (found && (end == start || octets[end - 1] != '\r'))
            continue; /* a bare LF */
        if (found && from < n && is_wsp((octet)octets[from]))
            continue; /* a fold */
        if (append_field(lists, (octet *)octets + start, (found ? end - 1 : n) - start) < 0)
            goto done;
        start = from;
    }
    result = PyTuple_Pack(3, lists[0], lists[1], lists[2]);
done:
    for (i = 0; i < 3; i++)
        Py_XDECREF(lists[i]);
    return result;
}

/* Put a place into the list of a name, which is new when the name is. */
static int put_place(PyObject *places_of, PyObject *repeated, PyObject *name, Py_ssize_t place)
{
    PyObject *places = PyDict_GetItemWithError(places_of, name), *at, *made;
    int failed;
    if (places == NULL && PyErr_Occurred())
        return -1;
    if (places != NULL)
        return append(places, PyLong_FromSsize_t(place)) < 0 ? -1 : PySet_Add(repeated, name);
    at = PyLong_FromSsize_t(place);
    made = at == NULL ? NULL : PyList_New(1);
    failed = made == NULL || PyList_SetItem(made, 0, at) < 0 || /* which takes `at` over */
             PyDict_SetItem(places_of, name, made) < 0;
    Py_XDECREF(made);
    return failed ? -1 : 0;
}

static PyObject *index_names(PyObject *module, PyObject *names)
{
    PyObject *places_of, *repeated, *result = NULL;
    Py_ssize_t i, count;

    (void)module;
    if (!PyList_Check(names)) {
        PyErr_SetString(PyExc_TypeError, "index_names takes a list");
        return NULL;
    }
    places_of = PyDict_New();
    repeated = PySet_New(NULL);
    if (places_of == NULL || repeated == NULL)
        goto done;
    for (i = 0, count = PyList_Size(names); i < count; i++) {
        PyObject *name = PyList_GetItem(names, i);
        if (name == NULL || !PyBytes_Check(name)) {
            PyErr_SetString(PyExc_TypeError, "a name is bytes");
            goto done;
        }
        if (put_place(places_of, repeated, name, i) < 0)
            goto done;
    }
    result = PyTuple_Pack(2, places_of, repeated);
done:
    Py_XDECREF(places_of);
    Py_XDECREF(repeated);
    return result;
}

/* How often a name was mentioned, this time included; -1 with an exception set. */
static Py_ssize_t mention_of(PyObject *mentions, PyObject *name)
{
    PyObject *before = PyDict_GetItemWithError(mentions, name), *made;
    Py_ssize_t mention = 1;
    int failed;
    if (before == NULL && PyErr_Occurred())
        return -1;
    if (before != NULL)
        mention += PyLong_AsSsize_t(before); /* made below: at most as many as names */
    made = PyLong_FromSsize_t(mention);
    failed = made == NULL || PyDict_SetItem(mentions, name, made) < 0;
    Py_XDECREF(made);
    return failed ? -1 : mention;
}

static PyObject *select_places(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *mentions, *chosen = NULL;
    Py_ssize_t i, count;

    (void)module;
    if (nargs != 2 || !PyDict_Check(args[0]) || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "select_places takes a dict and a tuple");
        return NULL;
    }
    mentions = PyDict_New();
    if (mentions == NULL || (chosen = PyList_New(0)) == NULL)
        goto failed;
    for (i = 0, count = PyTuple_Size(args[1]); i < count; i++) {
        PyObject *name = PyTuple_GetItem(args[1], i), *places;
        Py_ssize_t mention, present;
        if (!PyBytes_Check(name)) {
            PyErr_SetString(PyExc_TypeError, "a name is bytes");
            goto failed;
        }
        places = PyDict_GetItemWithError(args[0], name);
        if (places == NULL && !PyErr_Occurred())
            continue;
        if (places == NULL || (present = PyList_Size(places)) < 0)
            goto failed; /* SystemError for what is no list */
        mention = mention_of(mentions, name);
        if (mention < 0)
            goto failed;
        if (mention <= present) {
            PyObject *place = PyList_GetItem(places, present - mention);
            if (place == NULL || PyList_Append(chosen, place) < 0)
                goto failed;
        }
    }
    Py_DECREF(mentions);
    return chosen;
failed:
    Py_XDECREF(mentions);
    Py_XDECREF(chosen);
    return NULL;
}

/* Write the value in[0..n) unfolded, its blanks squeezed, none at either end
 * (RFC 6376 §3.4.2); at most n octets. */
static octet *put_relaxed_value(octet *out, const octet *in, Py_ssize_t n)
{
    const octet *start = out;
    int gap = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        octet c = in[i];
        if (is_wsp(c)) {
            gap = 1;
        } else if (c == '\r' && n - i > 2 && in[i + 1] == '\n' && is_wsp(in[i + 2])) {
            i++; /* CRLF before white space goes; the white space is next */
        } else {
            if (gap && out != start)
                *out++ = ' ';
            gap = 0;
            *out++ = c;
        }
    }
    return out;
}

static PyObject *relax_field(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    char *raw;
    Py_ssize_t n, colon, name;
    octet *start, *out;

    (void)module;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "relax_field takes a field and its colon");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &raw, &n) < 0)
        return NULL;
    colon = PyLong_AsSsize_t(args[1]);
    if (colon == -1 && PyErr_Occurred())
        return NULL;
    if (colon < 0 || colon >= n || raw[colon] != ':') {
        PyErr_SetString(PyExc_ValueError, "no colon there");
        return NULL;
    }
    start = out = malloc((size_t)n);
    if (start == NULL)
        return PyErr_NoMemory();
    for (name = colon; name > 0 && is_wsp((octet)raw[name - 1]);)
        name--;
    for (Py_ssize_t i = 0; i < name; i++)
        *out++ = lower((octet)raw[i]);
    *out++ = ':';
    out = put_relaxed_value(out, (octet *)raw + colon + 1, n - colon - 1);
    return taken(start, out - start);
}

/* One field of a header given as parallel lists; everything borrowed. */
typedef struct {
    char *name, *value;
    Py_ssize_t name_length, value_length;
} field;

/* args: raws, names, colons, places.  Runs no Python code: lists, bytes and ints only. */
static int field_at(field *f, PyObject *const *args, Py_ssize_t nth)
{
    PyObject *place = PyList_GetItem(args[3], nth), *raw, *name, *at;
    Py_ssize_t index, colon;
    if (place == NULL || (index = PyLong_AsSsize_t(place), index == -1 && PyErr_Occurred()))
        return -1;
    if ((raw = PyList_GetItem(args[0], index)) == NULL ||
        (name = PyList_GetItem(args[1], index)) == NULL ||
        (at = PyList_GetItem(args[2], index)) == NULL)
        return -1; /* IndexError, below 0 too */
    colon = PyLong_AsSsize_t(at);
    if (colon == -1 && PyErr_Occurred())
        return -1;
    if (PyBytes_AsStringAndSize(raw, &f->value, &f->value_length) < 0 ||
        PyBytes_AsStringAndSize(name, &f->name, &f->name_length) < 0)
        return -1;
    if (colon < 0 || colon >= f->value_length || f->value[colon] != ':') {
        PyErr_SetString(PyExc_ValueError, "no colon there");
        return -1;
    }
    f->value += colon + 1;
    f->value_length -= colon + 1;
    return 0;
}

static PyObject *relax_fields(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t count, i, room = 0;
    octet *start, *out;
    field f;

    (void)module;
    for (i = 0; i < nargs && PyList_Check(args[i]);)
        i++;
    if (nargs != 4 || i != 4) {
        PyErr_SetString(PyExc_TypeError, "relax_fields takes four lists");
        return NULL;
    }
    count = PyList_Size(args[3]);
    for (i = 0; i < count; i++) {
        if (field_at(&f, args, i) < 0)
            return NULL;
        if (f.name_length > PY_SSIZE_T_MAX - room - 3 ||
            f.value_length > PY_SSIZE_T_MAX - room - 3 - f.name_length)
            return PyErr_NoMemory();
        room += f.name_length + f.value_length + 3;
    }
    start = out = malloc((size_t)room + 1);
    if (start == NULL)
        return PyErr_NoMemory();
    for (i = 0; i < count; i++) {
        if (field_at(&f, args, i) < 0) /* cannot be: nothing ran in between */
            break;
        memcpy(out, f.name, (size_t)f.name_length);
        out += f.name_length;
        *out++ = ':';
        out = put_relaxed_value(out, (octet *)f.value, f.value_length);
        *out++ = '\r';
        *out++ = '\n';
    }
    return taken(start, out - start);
}

/* ---- tag=value lists: RFC 6376 §3.2 ---- */

static inline int is_fws(octet c)
{
    return is_wsp(c) | (c == '\r') | (c == '\n');
}

static inline int is_letter(octet c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

/* octets[from..to) without the FWS at both ends. */
typedef struct {
    const octet *octets;
    Py_ssize_t from, to;
} span;

static span stripped(const octet *octets, Py_ssize_t from, Py_ssize_t to)
{
    span found = {octets, from, to};
    while (found.from < found.to && is_fws(octets[found.from]))
        found.from++;
    while (found.from < found.to && is_fws(octets[found.to - 1]))
        found.to--;
    return found;
}

/* Whether a span is ALPHA *ALNUMPUNC. */
static int is_tag_name(span name)
{
    if (name.from == name.to || !is_letter(name.octets[name.from]))
        return 0;
    for (Py_ssize_t i = name.from + 1; i < name.to; i++) {
        octet c = name.octets[i];
        if (!is_letter(c) && c != '_' && (c < '0' || c > '9'))
            return 0;
    }
    return 1;
}

/* Raise ValueError(offset, why) and take `why` over; NULL when it could not be made. */
static void raise_fault(Py_ssize_t offset, PyObject *why)
{
    PyObject *fault = why == NULL ? NULL : Py_BuildValue("(nO)", offset, why);
    if (fault != NULL)
        PyErr_SetObject(PyExc_ValueError, fault);
    Py_XDECREF(fault);
    Py_XDECREF(why);
}

/* Where the first CR or LF stands that is no part of CRLF and white space, -1 for none. */
static Py_ssize_t first_no_fold(const octet *in, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        if (in[i] > '\r' || (in[i] != '\r' && in[i] != '\n'))
            continue;
        if (in[i] == '\n' || n - i <= 2 || in[i + 1] != '\n' || !is_wsp(in[i + 2]))
            return i;
        i++; /* the LF of a fold */
    }
    return -1;
}

static PyObject *no_fold(PyObject *module, PyObject *octets)
{
    char *in;
    Py_ssize_t n;
    (void)module;
    if (PyBytes_AsStringAndSize(octets, &in, &n) < 0)
        return NULL;
    return PyLong_FromSsize_t(first_no_fold((octet *)in, n));
}

/* No octet of a tag list: neither FWS nor VALCHAR nor part of UTF-8. */
static inline int is_strange(octet c)
{
    return ((c < ' ') & !is_fws(c)) | (c == 0x7F);
}

/* Raise for the first octet that no tag list holds, else for the first break that is no fold. */
static int refuse_strange_octets(const octet *in, Py_ssize_t n)
{
    Py_ssize_t i;
    octet strange = 0;
    for (i = 0; i < n; i++) /* without branches: compilers take 16 octets at once */
        strange |= (octet)is_strange(in[i]);
    for (i = 0; strange && i < n; i++) {
        if (is_strange(in[i])) {
            raise_fault(i, PyUnicode_FromFormat("octet 0x%02x is not allowed", in[i]));
            return -1;
        }
    }
    i = first_no_fold(in, n);
    if (i < 0)
        return 0;
    raise_fault(i, PyUnicode_FromString("a line break that is no fold"));
    return -1;
}

static int is_all_fws(const octet *octets, Py_ssize_t from, Py_ssize_t to)
{
    span found = stripped(octets, from, to);
    return found.from == found.to;
}

/* Raise where there are more than `most` specs; FWS behind the last ";" is none. */
static int refuse_too_many(const octet *in, Py_ssize_t n, Py_ssize_t most)
{
    Py_ssize_t count, start = 0;
    for (count = 0; count < most; count++) {
        const octet *found = memchr(in + start, ';', (size_t)(n - start));
        if (found == NULL)
            return 0;
        start = found - in + 1;
    }
    if (start > 0 && is_all_fws(in, start, n))
        return 0;
    raise_fault(start, PyUnicode_FromFormat("more than %zd tags", most));
    return -1;
}

/* Put an object that is ours to give away into a new tuple. */
static int put_item(PyObject *tuple, Py_ssize_t at, PyObject *made)
{
    return made == NULL ? -1 : PyTuple_SetItem(tuple, at, made);
}

/* kind((name, value, start, stop)), for `kind` a type of tuple; runs no method of it. */
static PyObject *made_tag(PyObject *kind, PyObject *name, span value, Py_ssize_t start,
                          Py_ssize_t stop)
{
    newfunc new_tuple = (newfunc)PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    PyObject *row = PyTuple_New(4), *args = NULL, *tag = NULL;
    const char *octets = (const char *)value.octets + value.from;
    if (row == NULL)
        return NULL;
    Py_INCREF(name);
    if (put_item(row, 0, name) == 0 &&
        put_item(row, 1, PyBytes_FromStringAndSize(octets, value.to - value.from)) == 0 &&
        put_item(row, 2, PyLong_FromSsize_t(start)) == 0 &&
        put_item(row, 3, PyLong_FromSsize_t(stop)) == 0)
        args = PyTuple_Pack(1, row);
    if (args != NULL)
        tag = new_tuple((PyTypeObject *)kind, args, NULL);
    Py_XDECREF(args);
    Py_DECREF(row);
    return tag;
}

/* Read the spec octets[start..stop) into `tags`. */
static int put_tag(PyObject *tags, PyObject *kind, const octet *octets, Py_ssize_t start,
                   Py_ssize_t stop)
{
    const octet *equals = memchr(octets + start, '=', (size_t)(stop - start));
    Py_ssize_t behind = equals ? equals - octets + 1 : stop, before = PyDict_Size(tags);
    span written = stripped(octets, start, equals ? behind - 1 : start);
    PyObject *name, *tag;
    int failed;

    if (!is_tag_name(written)) { /* nothing is none */
        raise_fault(start, PyUnicode_FromString("expected a tag name and ="));
        return -1;
    }
    name = PyUnicode_FromStringAndSize((const char *)octets + written.from,
                                       written.to - written.from);
    if (name == NULL)
        return -1;
    tag = made_tag(kind, name, stripped(octets, behind, stop), behind, stop);
    failed = tag == NULL || PyDict_SetItem(tags, name, tag) < 0;
    if (!failed && PyDict_Size(tags) == before) {
        raise_fault(start, PyUnicode_FromFormat("the tag %U= stands twice", name));
        failed = 1;
    }
    Py_XDECREF(tag);
    Py_DECREF(name);
    return failed ? -1 : 0;
}

static PyObject *tag_list(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *tags;
    char *octets;
    Py_ssize_t n, most, start = 0, stop;

    (void)module;
    if (nargs != 3 || !PyType_Check(args[2]) ||
        !PyType_IsSubtype((PyTypeObject *)args[2], &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "tag_list takes octets, a limit and a type of tuple");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &octets, &n) < 0)
        return NULL;
    most = PyLong_AsSsize_t(args[1]);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    if (refuse_strange_octets((octet *)octets, n) < 0 ||
        (n > 0 && refuse_too_many((octet *)octets, n, most) < 0) || (tags = PyDict_New()) == NULL)
        return NULL;
    for (; start <= n && n > 0; start = stop + 1) {
        const char *found = memchr(octets + start, ';', (size_t)(n - start));
        stop = found ? found - octets : n;
        if (!found && start > 0 && is_all_fws((octet *)octets, start, n))
            break; /* FWS behind the last ";" */
        if (put_tag(tags, args[2], (octet *)octets, start, stop) < 0) {
            Py_DECREF(tags);
            return NULL;
        }
    }
    return tags;
}

static PyMethodDef functions[] = {
    {"split_header", (PyCFunction)(void (*)(void))split_header, METH_FASTCALL, NULL},
    {"no_fold", no_fold, METH_O, NULL},
    {"tag_list", (PyCFunction)(void (*)(void))tag_list, METH_FASTCALL, NULL},
    {"index_names", index_names, METH_O, NULL},
    {"select_places", (PyCFunction)(void (*)(void))select_places, METH_FASTCALL, NULL},
    {"relax_field", (PyCFunction)(void (*)(void))relax_field, METH_FASTCALL, NULL},
    {"relax_fields", (PyCFunction)(void (*)(void))relax_fields, METH_FASTCALL, NULL},
    {"relax_body", relax_body, METH_O, NULL},
    {"bare_lf", bare_lf, METH_O, NULL},
    {"bare_break", bare_break, METH_O, NULL},
    {"lf_to_crlf", lf_to_crlf, METH_O, NULL},
    {"breaks_to_crlf", breaks_to_crlf, METH_O, NULL},
    {"column_after", (PyCFunction)(void (*)(void))column_after, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static int start_module(PyObject *module)
{
#ifdef WITH_SSSE3
    if (kept_of[255] == 0)
        prepare_ssse3();
#endif
    return PyModule_AddIntConstant(module, "WINDOW", WINDOW);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)start_module}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "See avowal._pure.", 0, functions, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
