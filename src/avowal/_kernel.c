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

/* Take a number that was passed; false with an exception set for what is none. */
static int take_number(PyObject *given, Py_ssize_t *number)
{
    *number = PyLong_AsSsize_t(given);
    return *number != -1 || PyErr_Occurred() == NULL;
}

/* A new reference to None.  Py_RETURN_NONE of the headers of 3.12 and later takes none, which
 * leaves Python 3.11 with one less at each call, and that ends it. */
static PyObject *none(void)
{
    Py_INCREF(Py_None);
    return Py_None;
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

static PyObject *final_line_ends(PyObject *module, PyObject *octets)
{
    Py_buffer view;
    const octet *in;
    Py_ssize_t end;

    (void)module;
    if (PyObject_GetBuffer(octets, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    in = view.buf;
    for (end = view.len; end >= 2 && in[end - 1] == '\n' && in[end - 2] == '\r';)
        end -= 2;
    end = (view.len - end) / 2;
    PyBuffer_Release(&view);
    return PyLong_FromSsize_t(end);
}

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

/* Where an LF stands that no CR stands before or, if asked, no LF that a CR stands before. */
static inline __m128i apart(const octet *at, int also_cr)
{
    __m128i cr = equals(load(at - 1), '\r'), lf = equals(load(at), '\n');
    return also_cr ? _mm_xor_si128(cr, lf) : _mm_andnot_si128(cr, lf);
}
#endif

static Py_ssize_t first_bare(const octet *in, Py_ssize_t n, int also_cr)
{
    Py_ssize_t i = 0;
#ifdef WITH_SSE2
    if (n > 0 && is_bare(in, 0, n, also_cr))
        return 0;
    for (i = 1; n - i >= 4 * BLOCK; i += 4 * BLOCK) {
        __m128i one = _mm_or_si128(apart(in + i, also_cr), apart(in + i + BLOCK, also_cr));
        __m128i two = _mm_or_si128(apart(in + i + 2 * BLOCK, also_cr),
                                   apart(in + i + 3 * BLOCK, also_cr));
        if (_mm_movemask_epi8(_mm_or_si128(one, two)))
            break;
    }
    if (i > 1)
        i--; /* a CR there may be bare: the LF behind it was not looked for yet */
    for (; n - i > BLOCK; i += BLOCK) {
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
    if (!take_number(args[1], &column) || !take_number(args[2], &most))
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

/* The lower-case form of each octet of a field name, 0 for what is none: RFC 5322 §3.6.8 ftext. */
static octet ftext[256];

static void prepare_ftext(void)
{
    for (int c = 33; c < 127; c++)
        ftext[c] = c == ':' ? 0 : lower((octet)c);
}

/* Length of the field name at the start of raw[0..n), and where its colon stands (-1 and
 * 0 where this is no field): RFC 5322 §4.5.8 white space before the colon. */
static Py_ssize_t field_name(const octet *raw, Py_ssize_t n, Py_ssize_t *colon)
{
    Py_ssize_t length = 0, at;
    while (length < n && ftext[raw[length]])
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

/* The lower-case name of raw[0..length) as bytes. */
static PyObject *name_of(const octet *raw, Py_ssize_t length)
{
    PyObject *name = PyBytes_FromStringAndSize(length ? NULL : "", length);
    octet *out = name == NULL || !length ? NULL : (octet *)PyBytes_AsString(name);
    for (Py_ssize_t i = 0; out != NULL && i < length; i++)
        out[i] = ftext[raw[i]];
    return name;
}

static int append_field(PyObject *lists[3], const octet *raw, Py_ssize_t n)
{
    Py_ssize_t colon, length = field_name(raw, n, &colon);
    if (append(lists[1], name_of(raw, length)) < 0)
        return -1;
    if (append(lists[0], PyBytes_FromStringAndSize((const char *)raw, n)) < 0)
        return -1;
    return append(lists[2], PyLong_FromSsize_t(colon));
}

/* Where the field that begins at in[start] ends, its CRLF aside; the next one begins at `next`. */
static Py_ssize_t end_of_field(const octet *in, Py_ssize_t start, Py_ssize_t n, Py_ssize_t *next)
{
    Py_ssize_t from = start;
    for (;;) {
        const octet *found = from < n ? memchr(in + from, '\n', (size_t)(n - from)) : NULL;
        Py_ssize_t end = found ? found - in : n; /* the LF, if there is one */
        *next = from = end + 1;
        if (!found)
            return n;
        if (end == start || in[end - 1] != '\r')
            continue; /* a bare LF */
        if (from == n || !is_wsp(in[from]))
            return end - 1; /* no fold */
    }
}

static PyObject *split_header(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *lists[3] = {NULL, NULL, NULL}, *result = NULL;
    char *octets;
    Py_ssize_t n, most = PY_SSIZE_T_MAX, start = 0, next;
    int i;

    (void)module;
    if (nargs != 1 && nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "split_header takes octets and, if wanted, a limit");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &octets, &n) < 0)
        return NULL;
    if (nargs == 2 && !take_number(args[1], &most))
        return NULL;
    for (i = 0; i < 3; i++)
        if ((lists[i] = PyList_New(0)) == NULL)
            goto done;
    for (; start < n && PyList_Size(lists[0]) <= most; start = next) {
        Py_ssize_t end = end_of_field((octet *)octets, start, n, &next);
        if (append_field(lists, (octet *)octets + start, end - start) < 0)
            goto done;
    }
    result = PyTuple_Pack(3, lists[0], lists[1], lists[2]);
done:
    for (i = 0; i < 3; i++)
        Py_XDECREF(lists[i]);
    return result;
}

/* ---- the index of a header that is not split ---- */

/* One field, its CRLF aside: octets[start..end); its name begins there too.  `before` is the
 * nearest one of the same name above it, -1 for none. */
typedef struct {
    Py_ssize_t start, end, length, colon, before;
    unsigned long long hash;
} entry;

/* What a capsule holds: the octets, which it keeps alive, their fields, and slots for their names,
 * each 0 or 1 + the place of the last field of a name. */
typedef struct {
    PyObject *octets;
    const octet *in; /* in `octets` */
    entry *entries;
    Py_ssize_t *slots;
    Py_ssize_t count, mask; /* of fields; the number of slots, a power of two, less one */
} header_index;

static const char CAPSULE[] = "avowal._kernel.index";

/* Secret factors, so that nobody can write names that meet in the slots. */
static unsigned long long hash_start, hash_factor;

static int prepare_hash(void)
{
    PyObject *text = PyBytes_FromString("the index of a header");
    Py_hash_t secret = text == NULL ? -1 : PyObject_Hash(text);
    Py_XDECREF(text);
    if (secret == -1)
        return -1;
    hash_start = (unsigned long long)secret;
    hash_factor = (hash_start * 0x9E3779B97F4A7C15ULL) | 1;
    return 0;
}

static inline unsigned long long hash_of(const octet *name, Py_ssize_t length)
{
    unsigned long long hash = hash_start;
    for (Py_ssize_t i = 0; i < length; i++)
        hash = (hash ^ ftext[name[i]]) * hash_factor;
    return hash ^ hash >> 32;
}

static int same_name(const octet *one, const octet *other, Py_ssize_t length)
{
    while (length > 0 && ftext[one[length - 1]] == ftext[other[length - 1]])
        length--;
    return length == 0;
}

/* The slot of a name: of its last field so far, or the free one where it belongs. */
static Py_ssize_t *slot_of(const header_index *x, const octet *name, Py_ssize_t length,
                           unsigned long long hash)
{
    Py_ssize_t at = (Py_ssize_t)(hash & (unsigned long long)x->mask);
    for (; x->slots[at]; at = (at + 1) & x->mask) { /* half of them are free */
        const entry *e = x->entries + x->slots[at] - 1;
        if (e->hash == hash && e->length == length && same_name(x->in + e->start, name, length))
            break;
    }
    return x->slots + at;
}

/* Whether a blank line stands at in[start]. */
static inline int is_blank_line(const octet *in, Py_ssize_t start, Py_ssize_t n)
{
    return n - start >= 2 && in[start] == '\r' && in[start + 1] == '\n';
}

/* Find the fields of in[0..n) up to a blank line, but at most one more than `most`.  Returns the size
 * of the section, -1 without memory. */
static Py_ssize_t find_fields(header_index *x, Py_ssize_t n, Py_ssize_t most)
{
    const octet *in = x->in;
    Py_ssize_t start = 0, next, room = 0;
    for (; start < n && x->count <= most && !is_blank_line(in, start, n); start = next) {
        entry *e;
        if (x->count == room) {
            room = room ? 2 * room : 48;
            e = realloc(x->entries, (size_t)room * sizeof *e);
            if (e == NULL)
                return -1;
            x->entries = e;
        }
        e = x->entries + x->count++;
        e->start = start;
        e->end = end_of_field(in, start, n, &next);
        e->length = field_name(in + start, e->end - start, &e->colon);
        e->hash = hash_of(in + start, e->length);
        e->before = -1;
    }
    return start < n ? start : n; /* the last field may lack its CRLF */
}

/* Fill the slots; names that stand more than once go into `repeated`. */
static int index_fields(header_index *x, PyObject *repeated)
{
    Py_ssize_t room = 8;
    while (room < 2 * x->count)
        room *= 2;
    x->mask = room - 1;
    x->slots = calloc((size_t)room, sizeof *x->slots);
    if (x->slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t place = 0; place < x->count; place++) {
        entry *e = x->entries + place;
        Py_ssize_t *slot = slot_of(x, x->in + e->start, e->length, e->hash);
        e->before = *slot - 1;
        *slot = place + 1;
        if (e->before >= 0 && x->entries[e->before].before < 0) { /* the second one */
            PyObject *name = name_of(x->in + e->start, e->length);
            int failed = name == NULL || PySet_Add(repeated, name) < 0;
            Py_XDECREF(name);
            if (failed)
                return -1;
        }
    }
    return 0;
}

static void free_index(header_index *x)
{
    Py_XDECREF(x->octets);
    free(x->entries);
    free(x->slots);
    free(x);
}

static void end_capsule(PyObject *capsule)
{
    free_index(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* (index, fields, size, repeated) of a section of `size` octets. */
static PyObject *indexed(header_index *x, Py_ssize_t size)
{
    PyObject *repeated = PySet_New(NULL), *capsule = NULL;
    if (repeated != NULL && index_fields(x, repeated) == 0)
        capsule = PyCapsule_New(x, CAPSULE, end_capsule);
    if (capsule == NULL) {
        free_index(x);
        Py_XDECREF(repeated);
        return NULL;
    }
    return Py_BuildValue("(NnnN)", capsule, x->count, size, repeated);
}

static PyObject *scan_header(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    header_index *x;
    char *octets;
    Py_ssize_t n, most_octets, most, size;

    (void)module;
    if (nargs != 3) {
        PyErr_SetString(PyExc_TypeError, "scan_header takes octets and two limits");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &octets, &n) < 0)
        return NULL;
    if (!take_number(args[1], &most_octets) || !take_number(args[2], &most))
        return NULL;
    x = calloc(1, sizeof *x);
    if (x == NULL)
        return PyErr_NoMemory();
    Py_INCREF(args[0]);
    x->octets = args[0];
    x->in = (octet *)octets;
    size = find_fields(x, n, most);
    if (size >= 0 && size <= most_octets && x->count <= most)
        return indexed(x, size);
    free_index(x);
    if (size < 0)
        return PyErr_NoMemory();
    return none();
}

/* The place of the last field of a name, -1 for none, -2 with an exception set. */
static Py_ssize_t last_place(const header_index *x, PyObject *name)
{
    char *octets;
    Py_ssize_t n, i;
    if (PyBytes_AsStringAndSize(name, &octets, &n) < 0)
        return -2;
    for (i = 0; i < n; i++)
        if (ftext[(octet)octets[i]] != (octet)octets[i] || !octets[i])
            return -1; /* no lower-case name */
    return *slot_of(x, (octet *)octets, n, hash_of((octet *)octets, n)) - 1;
}

static PyObject *places_of(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *places;
    Py_ssize_t place;
    const header_index *x;

    (void)module;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "places_of takes an index and a name");
        return NULL;
    }
    if ((x = PyCapsule_GetPointer(args[0], CAPSULE)) == NULL ||
        (place = last_place(x, args[1])) == -2)
        return NULL;
    places = PyList_New(0);
    for (; places != NULL && place >= 0; place = x->entries[place].before)
        if (append(places, PyLong_FromSsize_t(place)) < 0)
            Py_CLEAR(places);
    if (places != NULL && PyList_Reverse(places) < 0)
        Py_CLEAR(places);
    return places;
}

static PyObject *listed_header(PyObject *module, PyObject *capsule)
{
    PyObject *lists[3] = {NULL, NULL, NULL}, *result = NULL;
    const header_index *x = PyCapsule_GetPointer(capsule, CAPSULE);
    Py_ssize_t i;

    (void)module;
    if (x == NULL)
        return NULL;
    for (i = 0; i < 3; i++)
        if ((lists[i] = PyList_New(0)) == NULL)
            goto done;
    for (i = 0; i < x->count; i++) {
        const entry *e = x->entries + i;
        const char *raw = (const char *)x->in + e->start;
        if (append(lists[0], PyBytes_FromStringAndSize(raw, e->end - e->start)) < 0 ||
            append(lists[1], name_of((const octet *)raw, e->length)) < 0 ||
            append(lists[2], PyLong_FromSsize_t(e->colon)) < 0)
            goto done;
    }
    result = PyTuple_Pack(3, lists[0], lists[1], lists[2]);
done:
    for (i = 0; i < 3; i++)
        Py_XDECREF(lists[i]);
    return result;
}

static PyObject *field_at(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t place;
    PyObject *raw;
    const header_index *x;
    const entry *e;

    (void)module;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "field_at takes an index and a place");
        return NULL;
    }
    if ((x = PyCapsule_GetPointer(args[0], CAPSULE)) == NULL)
        return NULL;
    if (!take_number(args[1], &place))
        return NULL;
    if (place < 0 || place >= x->count) {
        PyErr_SetString(PyExc_IndexError, "no field there");
        return NULL;
    }
    e = x->entries + place;
    /* Not "y#": what is built with the headers of 3.13 means another length by it on 3.11. */
    raw = PyBytes_FromStringAndSize((const char *)x->in + e->start, e->end - e->start);
    return raw == NULL ? NULL : Py_BuildValue("(Nn)", raw, e->colon);
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

/* The place that the next mention of a name stands for: the last one in `places` not yet `taken`,
 * which has a number for the first place of each name; -1 where there is none, -2 with an exception
 * set. */
static Py_ssize_t next_place(PyObject *places, int *taken, Py_ssize_t count, Py_ssize_t except_at)
{
    Py_ssize_t present = PyList_Size(places), place = -1, first;
    if (present <= 0)
        return present < 0 ? -2 : -1; /* SystemError for what is no list */
    first = PyLong_AsSsize_t(PyList_GetItem(places, 0));
    if (first < 0 || first >= count) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_IndexError, "no field there");
        return -2;
    }
    while (taken[first] < present) {
        place = PyLong_AsSsize_t(PyList_GetItem(places, present - ++taken[first]));
        if (place != except_at)
            return place == -1 && PyErr_Occurred() ? -2 : place;
    }
    return -1;
}

static PyObject *select_places(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *chosen = NULL;
    Py_ssize_t i, wanted, except_at, count;
    int *taken = NULL;

    (void)module;
    if (nargs != 4 || !PyDict_Check(args[0]) || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "select_places takes a dict, a tuple and two numbers");
        return NULL;
    }
    if (!take_number(args[2], &except_at) || !take_number(args[3], &count))
        return NULL;
    taken = calloc(count > 0 ? (size_t)count : 1, sizeof *taken);
    if (taken == NULL)
        return PyErr_NoMemory();
    chosen = PyList_New(0);
    wanted = PyTuple_Size(args[1]);
    for (i = 0; chosen != NULL && i < wanted; i++) {
        PyObject *name = PyTuple_GetItem(args[1], i), *places;
        Py_ssize_t place = -1;
        if (!PyBytes_Check(name))
            PyErr_SetString(PyExc_TypeError, "a name is bytes");
        else if ((places = PyDict_GetItemWithError(args[0], name)) != NULL)
            place = next_place(places, taken, count, except_at);
        if (place >= 0 ? append(chosen, PyLong_FromSsize_t(place)) < 0 : PyErr_Occurred() != NULL)
            Py_CLEAR(chosen);
    }
    free(taken);
    return chosen;
}

#ifdef WITH_SSE2
/* How many of the first 16 octets at `at` need no look of their own: none is HTAB or CR, or SP before
 * SP.  Reads one octet behind them. */
static inline int plain_octets(const octet *at)
{
    __m128i here = load(at), spaces = equals(here, ' ');
    __m128i odd = _mm_or_si128(equals(here, '\t'), equals(here, '\r'));
    odd = _mm_or_si128(odd, _mm_and_si128(spaces, equals(load(at + 1), ' ')));
    unsigned bits = (unsigned)_mm_movemask_epi8(odd);
    return bits ? lowest_bit(bits) : BLOCK;
}
#endif

/* Write the value in[0..n) unfolded, its blanks squeezed, none at either end
 * (RFC 6376 §3.4.2); at most n octets. */
static octet *put_relaxed_value(octet *out, const octet *in, Py_ssize_t n)
{
    const octet *start = out;
    int gap = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        octet c = in[i];
#ifdef WITH_SSE2
        int plain;
        /* What is written never overtakes what is read, so 16 octets behind `out` are there. */
        if (n - i > BLOCK && !is_wsp(c) && (plain = plain_octets(in + i)) > 0) {
            if (gap && out != start)
                *out++ = ' ';
            _mm_storeu_si128((__m128i *)out, load(in + i));
            gap = in[i + plain - 1] == ' '; /* what follows decides about it */
            out += plain - gap;
            i += plain - 1;
            continue;
        }
#endif
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
    if (!take_number(args[1], &colon))
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
static int listed_field(field *f, PyObject *const *args, Py_ssize_t nth)
{
    PyObject *place = PyList_GetItem(args[3], nth), *raw, *name, *at;
    Py_ssize_t index, colon;
    if (place == NULL || !take_number(place, &index))
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
        if (listed_field(&f, args, i) < 0)
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
        if (listed_field(&f, args, i) < 0) /* cannot be: nothing ran in between */
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

/* Choose the place for each of `names` (RFC 6376 §5.4.2), -1 where there is none; returns the room
 * that the fields there take in either form, -1 with an exception set.  `above` has room for a number
 * of each field: for the last one of a name, where its next mention looks. */
static Py_ssize_t choose(const header_index *x, PyObject *names, Py_ssize_t except_at,
                         Py_ssize_t *chosen, Py_ssize_t *above)
{
    Py_ssize_t i, count = PyTuple_Size(names), room = 0;
    for (i = 0; i < x->count; i++)
        above[i] = i;
    for (i = 0; i < count; i++) {
        Py_ssize_t last = last_place(x, PyTuple_GetItem(names, i));
        Py_ssize_t place = last < 0 ? last : above[last];
        if (place >= 0 && place == except_at)
            place = x->entries[place].before;
        if (last >= 0)
            above[last] = place < 0 ? -1 : x->entries[place].before;
        chosen[i] = place;
        if (place >= 0)
            room += x->entries[place].end - x->entries[place].start + 3;
        if (place == -2)
            return -1;
    }
    return room;
}

/* Write the field at a place in one of the forms of RFC 6376 §3.4, with its CRLF; NULL for a line
 * that has no relaxed form, for it is no field. */
static octet *put_field(octet *out, const header_index *x, Py_ssize_t place, int relaxed)
{
    const entry *e = x->entries + place;
    const octet *raw = x->in + e->start;
    Py_ssize_t n = e->end - e->start;
    if (relaxed && e->colon < 0)
        return NULL;
    if (relaxed) {
        for (Py_ssize_t i = 0; i < e->length; i++)
            *out++ = ftext[raw[i]];
        *out++ = ':';
        out = put_relaxed_value(out, raw + e->colon + 1, n - e->colon - 1);
    } else {
        memcpy(out, raw, (size_t)n);
        out += n;
    }
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

static PyObject *signed_fields(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t except_at, count, i, room, *places;
    octet *start = NULL, *out = NULL;
    int relaxed;
    const header_index *x;

    (void)module;
    if (nargs != 4 || !PyTuple_Check(args[1]) || !PyBool_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError,
                        "signed_fields takes an index, a tuple of names, a place and a bool");
        return NULL;
    }
    if ((x = PyCapsule_GetPointer(args[0], CAPSULE)) == NULL)
        return NULL;
    if (!take_number(args[2], &except_at))
        return NULL;
    relaxed = args[3] == Py_True;
    count = PyTuple_Size(args[1]);
    places = malloc((size_t)(count + x->count + 1) * sizeof *places);
    if (places == NULL)
        return PyErr_NoMemory();
    room = choose(x, args[1], except_at, places, places + count);
    if (room >= 0 && (start = out = malloc((size_t)room + 1)) == NULL)
        PyErr_NoMemory();
    for (i = 0; out != NULL && i < count; i++)
        if (places[i] >= 0 && (out = put_field(out, x, places[i], relaxed)) == NULL)
            PyErr_SetString(PyExc_ValueError, "no colon there");
    free(places);
    if (out != NULL)
        return taken(start, out - start);
    free(start);
    return NULL;
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
#ifdef WITH_SSE2
        if (n - i >= BLOCK) {
            __m128i here = load(in + i);
            __m128i breaks = _mm_or_si128(equals(here, '\r'), equals(here, '\n'));
            unsigned bits = (unsigned)_mm_movemask_epi8(breaks);
            i += bits ? lowest_bit(bits) : BLOCK - 1;
        }
#endif
        if (in[i] != '\r' && in[i] != '\n')
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
    for (i = 0; i < n; i++) {
#ifdef WITH_SSE2
        if (n - i >= BLOCK) { /* leap to what may be one: a control */
            __m128i here = load(in + i), floor = _mm_set1_epi8(' ');
            __m128i fine = _mm_andnot_si128(equals(here, 0x7F),
                                            _mm_cmpeq_epi8(_mm_max_epu8(here, floor), here));
            unsigned bits = 0xFFFF & ~(unsigned)_mm_movemask_epi8(fine);
            i += bits ? lowest_bit(bits) : BLOCK - 1;
        }
#endif
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

/* How many specs there are; raises where there are more than `most`.  FWS behind the last ";" is
 * none. */
static Py_ssize_t count_specs(const octet *in, Py_ssize_t n, Py_ssize_t most)
{
    Py_ssize_t count, start = 0;
    if (n == 0)
        return 0;
    for (count = 0; count < most; count++) {
        const octet *found = memchr(in + start, ';', (size_t)(n - start));
        if (found == NULL)
            return start > 0 && is_all_fws(in, start, n) ? count : count + 1;
        start = found - in + 1;
    }
    if (start > 0 && is_all_fws(in, start, n))
        return count;
    raise_fault(start, PyUnicode_FromFormat("more than %zd tags", most));
    return -1;
}

/* Read the spec octets[start..stop): its value goes under its name. */
static int put_tag(PyObject *values, const octet *octets, Py_ssize_t start, Py_ssize_t stop)
{
    const octet *equals = memchr(octets + start, '=', (size_t)(stop - start));
    Py_ssize_t behind = equals ? equals - octets + 1 : stop, before = PyDict_Size(values);
    span written = stripped(octets, start, equals ? behind - 1 : start), found;
    PyObject *name, *value;
    int failed;

    if (!is_tag_name(written)) { /* nothing is none */
        raise_fault(start, PyUnicode_FromString("expected a tag name and ="));
        return -1;
    }
    name = PyUnicode_FromStringAndSize((const char *)octets + written.from,
                                       written.to - written.from);
    if (name == NULL)
        return -1;
    found = stripped(octets, behind, stop);
    value = PyBytes_FromStringAndSize((const char *)octets + found.from, found.to - found.from);
    failed = value == NULL || PyDict_SetItem(values, name, value) < 0;
    if (!failed && PyDict_Size(values) == before) {
        raise_fault(start, PyUnicode_FromFormat("the tag %U= stands twice", name));
        failed = 1;
    }
    Py_XDECREF(value);
    Py_DECREF(name);
    return failed ? -1 : 0;
}

/* Where the spec ends that begins at octets[start]: at a ";" or behind all. */
static Py_ssize_t end_of_spec(const char *octets, Py_ssize_t start, Py_ssize_t n)
{
    const char *found = memchr(octets + start, ';', (size_t)(n - start));
    return found ? found - octets : n;
}

static PyObject *tag_list(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *values;
    char *octets;
    Py_ssize_t n, most, count, i, start = 0;

    (void)module;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "tag_list takes octets and a limit");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &octets, &n) < 0)
        return NULL;
    if (!take_number(args[1], &most))
        return NULL;
    if (refuse_strange_octets((octet *)octets, n) < 0 ||
        (count = count_specs((octet *)octets, n, most)) < 0)
        return NULL;
    values = PyDict_New();
    for (i = 0; values != NULL && i < count; i++) {
        Py_ssize_t stop = end_of_spec(octets, start, n);
        if (put_tag(values, (octet *)octets, start, stop) < 0)
            Py_CLEAR(values);
        start = stop + 1;
    }
    return values;
}

static PyObject *tag_place(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    const char *name;
    char *octets;
    Py_ssize_t n, length, start, stop;

    (void)module;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "tag_place takes octets and a name");
        return NULL;
    }
    if (PyBytes_AsStringAndSize(args[0], &octets, &n) < 0 ||
        (name = PyUnicode_AsUTF8AndSize(args[1], &length)) == NULL)
        return NULL;
    for (start = 0; start <= n; start = stop + 1) {
        const char *equals;
        span written;
        stop = end_of_spec(octets, start, n);
        equals = memchr(octets + start, '=', (size_t)(stop - start));
        if (equals == NULL)
            continue;
        written = stripped((octet *)octets, start, equals - octets);
        if (written.to - written.from == length &&
            memcmp(octets + written.from, name, (size_t)length) == 0)
            return Py_BuildValue("(nn)", equals - octets + 1, stop);
    }
    PyErr_SetObject(PyExc_KeyError, args[1]);
    return NULL;
}

/* ---- base64: RFC 4648 §4, with FWS anywhere (RFC 6376 §2.10) ---- */

enum { PADDING = 64, BLANK, NO_DIGIT }; /* each with a bit that no digit has */

static octet digits[256]; /* of base64: their values; the rest by the names above */

static void prepare_digits(void)
{
    static const char in_order[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(digits, NO_DIGIT, sizeof digits);
    for (int value = 0; value < 64; value++)
        digits[(octet)in_order[value]] = (octet)value;
    digits['='] = PADDING;
    digits[' '] = digits['\t'] = digits['\r'] = digits['\n'] = BLANK;
}

/* Write what in[0..n) stands for, at most n / 4 * 3 + 2 octets; returns how many, -1 for what is no
 * base64. */
static Py_ssize_t put_decoded(octet *out, const octet *in, Py_ssize_t n)
{
    const octet *start = out;
    unsigned long held = 0;
    int count = 0, padding = 0; /* digits held, and the padding behind them */
    for (Py_ssize_t i = 0; i < n; i++) {
        octet value = digits[in[i]];
        if (!count && !padding && n - i >= 4) { /* four digits in a row, as nearly always */
            octet second = digits[in[i + 1]], third = digits[in[i + 2]], last = digits[in[i + 3]];
            if ((value | second | third | last) < PADDING) {
                *out++ = (octet)(value << 2 | second >> 4);
                *out++ = (octet)(second << 4 | third >> 2);
                *out++ = (octet)(third << 6 | last);
                i += 3;
                continue;
            }
        }
        if (value < PADDING && !padding) {
            held = held << 6 | value;
            if (++count == 4) {
                *out++ = (octet)(held >> 16);
                *out++ = (octet)(held >> 8);
                *out++ = (octet)held;
                held = 0;
                count = 0;
            }
        } else if (value == PADDING && padding < 2) {
            padding++;
        } else if (value != BLANK) {
            return -1;
        }
    }
    if (count == 1 || padding != (4 - count) % 4)
        return -1;
    if (count == 3) {
        *out++ = (octet)(held >> 10);
        *out++ = (octet)(held >> 2);
    } else if (count == 2) {
        *out++ = (octet)(held >> 4);
    }
    return out - start;
}

/* What octets stand for, None where they are no base64. */
static PyObject *decoded(PyObject *octets)
{
    char *in;
    Py_ssize_t n, size;
    octet small[768], *made = small;
    PyObject *result;

    if (PyBytes_AsStringAndSize(octets, &in, &n) < 0)
        return NULL;
    if (n > 1020 && (made = malloc((size_t)n)) == NULL)
        return PyErr_NoMemory();
    size = put_decoded(made, (octet *)in, n);
    result = size < 0 ? none() : PyBytes_FromStringAndSize((const char *)made, size);
    if (made != small)
        free(made);
    return result;
}

static PyObject *base64_octets(PyObject *module, PyObject *octets)
{
    (void)module;
    return decoded(octets);
}

/* ---- usual values of tags ---- */

/* The number that up to 18 digits stand for, None for anything else. */
static PyObject *number_of(PyObject *octets)
{
    char *in;
    Py_ssize_t n, i;
    long long number = 0;
    if (PyBytes_AsStringAndSize(octets, &in, &n) < 0)
        return NULL;
    for (i = 0; i < n && n <= 18 && in[i] >= '0' && in[i] <= '9'; i++)
        number = number * 10 + (in[i] - '0');
    if (i == n && n > 0)
        return PyLong_FromLongLong(number);
    return none();
}

/* What `octets` stand for by a kind of `read_usual`: a new reference to None where that does not
 * say, NULL with an exception set. */
static PyObject *usual_value(PyObject *kind, PyObject *octets)
{
    PyObject *word, *made;
    if (PyDict_Check(kind)) {
        word = PyDict_GetItemWithError(kind, octets);
        if (word == NULL && PyErr_Occurred())
            return NULL;
        word = word == NULL ? Py_None : word;
        Py_INCREF(word);
        return word;
    }
    if (kind == (PyObject *)&PyLong_Type)
        return number_of(octets);
    if (kind != (PyObject *)&PyBytes_Type)
        return none();
    made = decoded(octets);
    if (made != NULL && made != Py_None && PyBytes_Size(made) == 0) {
        Py_DECREF(made);
        made = none();
    }
    return made;
}

static PyObject *read_usual(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *rest, *name, *octets;
    Py_ssize_t at = 0;

    (void)module;
    if (nargs != 3 || !PyDict_Check(args[0]) || !PyDict_Check(args[1]) || !PyDict_Check(args[2])) {
        PyErr_SetString(PyExc_TypeError, "read_usual takes three dicts");
        return NULL;
    }
    rest = PyList_New(0);
    while (rest != NULL && PyDict_Next(args[0], &at, &name, &octets)) {
        PyObject *kind = PyDict_GetItemWithError(args[1], name), *made;
        if (kind == NULL) {
            if (PyErr_Occurred())
                Py_CLEAR(rest);
            continue;
        }
        made = usual_value(kind, octets);
        if (made == NULL || (made == Py_None ? PyList_Append(rest, name)
                                             : PyDict_SetItem(args[2], name, made)) < 0)
            Py_CLEAR(rest);
        Py_XDECREF(made);
    }
    return rest;
}

/* ---- values: their slots ---- */

static PyObject *fill(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    descrsetfunc set = (descrsetfunc)PyType_GetSlot(&PyMemberDescr_Type, Py_tp_descr_set);
    Py_ssize_t count, i;

    (void)module;
    if (nargs != 3 || !PyTuple_Check(args[1]) || !PyTuple_Check(args[2]) ||
        (count = PyTuple_Size(args[1])) != PyTuple_Size(args[2])) {
        PyErr_SetString(PyExc_TypeError, "fill takes an object, its slots and as many values");
        return NULL;
    }
    for (i = 0; i < count; i++) {
        PyObject *slot = PyTuple_GetItem(args[1], i);
        if (!Py_IS_TYPE(slot, &PyMemberDescr_Type)) {
            PyErr_SetString(PyExc_TypeError, "no slot");
            return NULL;
        }
        if (set(slot, args[0], PyTuple_GetItem(args[2], i)) < 0)
            return NULL;
    }
    return none();
}

static PyMethodDef functions[] = {
    {"split_header", (PyCFunction)(void (*)(void))split_header, METH_FASTCALL, NULL},
    {"scan_header", (PyCFunction)(void (*)(void))scan_header, METH_FASTCALL, NULL},
    {"places_of", (PyCFunction)(void (*)(void))places_of, METH_FASTCALL, NULL},
    {"listed_header", listed_header, METH_O, NULL},
    {"field_at", (PyCFunction)(void (*)(void))field_at, METH_FASTCALL, NULL},
    {"signed_fields", (PyCFunction)(void (*)(void))signed_fields, METH_FASTCALL, NULL},
    {"no_fold", no_fold, METH_O, NULL},
    {"base64_octets", base64_octets, METH_O, NULL},
    {"read_usual", (PyCFunction)(void (*)(void))read_usual, METH_FASTCALL, NULL},
    {"fill", (PyCFunction)(void (*)(void))fill, METH_FASTCALL, NULL},
    {"tag_list", (PyCFunction)(void (*)(void))tag_list, METH_FASTCALL, NULL},
    {"tag_place", (PyCFunction)(void (*)(void))tag_place, METH_FASTCALL, NULL},
    {"index_names", index_names, METH_O, NULL},
    {"select_places", (PyCFunction)(void (*)(void))select_places, METH_FASTCALL, NULL},
    {"relax_field", (PyCFunction)(void (*)(void))relax_field, METH_FASTCALL, NULL},
    {"relax_fields", (PyCFunction)(void (*)(void))relax_fields, METH_FASTCALL, NULL},
    {"relax_body", relax_body, METH_O, NULL},
    {"final_line_ends", final_line_ends, METH_O, NULL},
    {"bare_lf", bare_lf, METH_O, NULL},
    {"bare_break", bare_break, METH_O, NULL},
    {"lf_to_crlf", lf_to_crlf, METH_O, NULL},
    {"breaks_to_crlf", breaks_to_crlf, METH_O, NULL},
    {"column_after", (PyCFunction)(void (*)(void))column_after, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static int start_module(PyObject *module)
{
    prepare_ftext();
    prepare_digits();
    if (prepare_hash() < 0)
        return -1;
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
