/*
 * Operators of decoder.py that libtorch has only in pieces: the namespace forkpoint, registered when this library is loaded, through the C
 * functions that libtorch exports for that purpose (torch/csrc/inductor/aoti_torch/c/shim.h), so that it needs no header and no C++.
 *
 * All arrays are contiguous float32 on the CPU; tokens, targets, slots and rows are int64. Each row of an output depends on its own row of the inputs
 * alone, and is added up in the same order however many rows there are. One thread: callers run one on each core.
 *
 * build.sh compiles this file once for each LEVEL of x86-64 (1, 3 with AVX2, 4 with AVX-512) and links them; the best that the CPU has registers.
 * Not target_clones: gcc splits vectors that the default level has not before it inlines, which leaves broadcasts and shuffles in pieces.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef float f8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t i8 __attribute__((vector_size(32), aligned(4), may_alias));

/* ---------------------------------------------------------------------- eight lanes */

INLINE f8 load(const float *p) { return *(const f8 *)p; }
INLINE void store(float *p, f8 v) { *(f8 *)p = v; }
INLINE f8 all(float x) { return (f8){x, x, x, x, x, x, x, x}; }
INLINE f8 choose(i8 where, f8 a, f8 b) { return (f8)(((i8)a & where) | ((i8)b & ~where)); }
INLINE f8 largest(f8 a, f8 b) { return choose(a > b, a, b); }

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

INLINE float sum(f8 v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

INLINE float maximum(f8 v) {
    float m = v[0];
    for (int i = 1; i < 8; i++) m = v[i] > m ? v[i] : m;
    return m;
}

/* e^x for x <= 88, within 2 units in the last place; 0 below -87, NaN for NaN. 2^n times a polynomial in the rest, as in Cephes. */
INLINE f8 exponential(f8 x) {
    const f8 shift = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer, in the low bits */
    f8 t = x * all(1.44269504088896341f) + shift;
    f8 n = t - shift;
    f8 r = x - n * all(0.693359375f) + n * all(2.12194440e-4f);
    f8 p = all(1.9875691500e-4f);
    p = p * r + all(1.3981999507e-3f);
    p = p * r + all(8.3334519073e-3f);
    p = p * r + all(4.1665795894e-2f);
    p = p * r + all(1.6666665459e-1f);
    p = p * r + all(5.0000001201e-1f);
    p = p * r * r + r + all(1.0f);
    i8 power = ((i8)t - (i8)shift + 127) << 23;
    return choose(x < all(-87.0f), all(0.0f), p * (f8)power);
}

INLINE f8 logistic(f8 x) {
    f8 minus = -x;
    return all(1.0f) / (all(1.0f) + exponential(choose(minus > all(87.0f), all(87.0f), minus)));
}

/* the next n logits of a row, filled up to eight with such as have no probability */
INLINE const float *eight(const float *z, int64_t n, float *tail) {
    if (n >= 8) return z;
    for (int j = 0; j < 8; j++) tail[j] = j < n ? z[j] : -1e30f;
    return tail;
}

/* the first n of eight lanes */
INLINE void store_first(float *p, f8 v, int64_t n) {
    if (n >= 8) {
        store(p, v);
    } else {
        for (int j = 0; j < n; j++) p[j] = v[j];
    }
}

/* ---------------------------------------------------------------------- y = x * r, r = (mean(x^2) + eps)^-1/2 */

INLINE float inverse_rms(const float *x, int64_t width, float eps) {
    f8 lanes = all(0);
    int64_t i = 0;
    for (; i + 8 <= width; i += 8) lanes += load(x + i) * load(x + i);
    float squares = sum(lanes);
    for (; i < width; i++) squares += x[i] * x[i];
    return 1.0f / sqrtf(squares / (float)width + eps);
}

static void normalise(const float *x, float *y, float *r, int64_t rows, int64_t width, float eps) {
    for (int64_t b = 0; b < rows; b++, x += width, y += width) {
        float scale = inverse_rms(x, width, eps);
        int64_t i = 0;
        for (; i + 8 <= width; i += 8) store(y + i, load(x + i) * all(scale));
        for (; i < width; i++) y[i] = x[i] * scale;
        if (r) r[b] = scale;
    }
}

/* dx += r (dy - y mean(dy y)), the gradient through y = x r */
static void normalise_backward(float *dx, const float *dy, const float *y, const float *r, int64_t rows, int64_t width) {
    for (int64_t b = 0; b < rows; b++, dx += width, dy += width, y += width) {
        f8 lanes = all(0);
        int64_t i = 0;
        for (; i + 8 <= width; i += 8) lanes += load(dy + i) * load(y + i);
        float dot = sum(lanes);
        for (; i < width; i++) dot += dy[i] * y[i];
        float mean = dot / (float)width, scale = r[b];
        for (i = 0; i + 8 <= width; i += 8) store(dx + i, load(dx + i) + all(scale) * (load(dy + i) - load(y + i) * all(mean)));
        for (; i < width; i++) dx[i] += scale * (dy[i] - y[i] * mean);
    }
}

/* ---------------------------------------------------------------------- silu(gate) * up, of rows [gate; up] */

INLINE f8 gate_times(f8 gate, f8 up) { return gate * logistic(gate) * up; }

/* the gradient dgu for that of the output, and the output again */
static void gated_backward(const float *d, const float *gu, float *dgu, float *out, int64_t rows, int64_t width) {
    for (int64_t b = 0; b < rows; b++, d += width, gu += 2 * width, dgu += 2 * width, out += width) {
        int64_t i = 0;
        for (; i + 8 <= width; i += 8) {
            f8 gate = load(gu + i), up = load(gu + width + i), dy = load(d + i), s = logistic(gate), silu = gate * s;
            store(dgu + i, dy * up * s * (all(1.0f) + gate - silu));
            store(dgu + width + i, dy * silu);
            store(out + i, silu * up);
        }
        for (; i < width; i++) {
            float gate = gu[i], up = gu[width + i], s = 1.0f / (1.0f + expf(-gate)), silu = gate * s;
            dgu[i] = d[i] * up * s * (1.0f + gate - silu);
            dgu[width + i] = d[i] * silu;
            out[i] = silu * up;
        }
    }
}

/* ---------------------------------------------------------------------- attention */

/* the sums of eight vectors */
INLINE f8 sums(f8 a, f8 b, f8 c, f8 d, f8 e, f8 f, f8 g, f8 h) {
#define PAIRS(x, y) (__builtin_shuffle(x, y, (i8){0, 8, 2, 10, 4, 12, 6, 14}) + __builtin_shuffle(x, y, (i8){1, 9, 3, 11, 5, 13, 7, 15}))
#define FOURS(x, y) (__builtin_shuffle(x, y, (i8){0, 1, 8, 9, 4, 5, 12, 13}) + __builtin_shuffle(x, y, (i8){2, 3, 10, 11, 6, 7, 14, 15}))
    f8 abcd = FOURS(PAIRS(a, b), PAIRS(c, d)), efgh = FOURS(PAIRS(e, f), PAIRS(g, h));
    return __builtin_shuffle(abcd, efgh, (i8){0, 1, 2, 3, 8, 9, 10, 11}) + __builtin_shuffle(abcd, efgh, (i8){4, 5, 6, 7, 12, 13, 14, 15});
}

INLINE void copy(float *to, const float *from, int64_t n) {
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) store(to + i, load(from + i));
    for (; i < n; i++) to[i] = from[i];
}

/* out [n] = rows x, rows [n, D], in eights: reads and writes as many as n rounded up to eight */
INLINE void dots(const float *x, const float *rows, float *out, int64_t n, int64_t D) {
    for (int64_t s = 0; s < n; s += 8, rows += 8 * D) {
        f8 a = all(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        int64_t i = 0;
        for (const float *k = rows; i + 8 <= D; i += 8, k += 8) {
            f8 v = load(x + i);
            a += v * load(k);
            b += v * load(k + D);
            c += v * load(k + 2 * D);
            d += v * load(k + 3 * D);
            e += v * load(k + 4 * D);
            f += v * load(k + 5 * D);
            g += v * load(k + 6 * D);
            h += v * load(k + 7 * D);
        }
        f8 z = sums(a, b, c, d, e, f, g, h);
        for (const float *k = rows + i; i < D; i++, k++) {
            z += all(x[i]) * (f8){k[0], k[D], k[2 * D], k[3 * D], k[4 * D], k[5 * D], k[6 * D], k[7 * D]};
        }
        store(out + s, z);
    }
}

/* out [D] += p rows, p [n], rows [n, D] */
INLINE void combine(const float *p, const float *rows, float *out, int64_t n, int64_t D) {
    int64_t i = 0;
    for (; i + 32 <= D; i += 32) {
        const float *v = rows + i;
        f8 a = load(out + i), b = load(out + i + 8), c = load(out + i + 16), d = load(out + i + 24);
        for (int64_t s = 0; s < n; s++, v += D) {
            f8 w = all(p[s]);
            a += w * load(v);
            b += w * load(v + 8);
            c += w * load(v + 16);
            d += w * load(v + 24);
        }
        store(out + i, a);
        store(out + i + 8, b);
        store(out + i + 16, c);
        store(out + i + 24, d);
    }
    for (; i + 8 <= D; i += 8) {
        f8 a = load(out + i);
        for (int64_t s = 0; s < n; s++) a += all(p[s]) * load(rows + s * D + i);
        store(out + i, a);
    }
    for (; i < D; i++) {
        for (int64_t s = 0; s < n; s++) out[i] += p[s] * rows[s * D + i];
    }
}

/* rows [n, D] += p' x, p [count][stride] of which n, x [count] vectors */
INLINE void spread(const float *p, int64_t stride, const float *const *x, int count, float *rows, int64_t n, int64_t D) {
    for (int64_t s = 0; s < n; s++, rows += D) {
        int64_t i = 0;
        for (; i + 32 <= D; i += 32) {
            f8 a = load(rows + i), b = load(rows + i + 8), c = load(rows + i + 16), d = load(rows + i + 24);
            for (int t = 0; t < count; t++) {
                f8 w = all(p[t * stride + s]);
                a += w * load(x[t] + i);
                b += w * load(x[t] + i + 8);
                c += w * load(x[t] + i + 16);
                d += w * load(x[t] + i + 24);
            }
            store(rows + i, a);
            store(rows + i + 8, b);
            store(rows + i + 16, c);
            store(rows + i + 24, d);
        }
        for (; i < D; i++) {
            for (int t = 0; t < count; t++) rows[i] += p[t * stride + s] * x[t][i];
        }
    }
}

/* n scores become e^(score - the largest), those past them, up to eight, 0. Returns the sum; most gets the largest */
INLINE float exponentials(float *scores, int64_t n, float *most) {
    int64_t wide = (n + 7) / 8 * 8;
    for (int64_t s = n; s < wide; s++) scores[s] = -INFINITY;
    f8 tops = load(scores), total = all(0);
    for (int64_t s = 8; s < wide; s += 8) tops = largest(tops, load(scores + s));
    float top = maximum(tops);
    for (int64_t s = 0; s < wide; s += 8) {
        f8 e = exponential(load(scores + s) - all(top));
        store(scores + s, e);
        total += e;
    }
    *most = top;
    return sum(total);
}

/* norm (NULL: none) and rotation of one head [D], in rotary pairs, in place; rotation [D / 2] complex */
INLINE void position_head(float *x, const float *norm, const float *rotation, int64_t D, float eps) {
    float scale = norm ? inverse_rms(x, D, eps) : 1.0f;
    int64_t d = 0;
    for (; d + 8 <= D; d += 8) {
        f8 v = load(x + d), c = load(rotation + d);
        if (norm) v = v * all(scale) * load(norm + d);
        f8 turned = __builtin_shuffle(v, (i8){1, 0, 3, 2, 5, 4, 7, 6}) * (f8){-1, 1, -1, 1, -1, 1, -1, 1};
        store(x + d, v * __builtin_shuffle(c, (i8){0, 0, 2, 2, 4, 4, 6, 6}) + turned * __builtin_shuffle(c, (i8){1, 1, 3, 3, 5, 5, 7, 7}));
    }
    for (; d < D; d += 2) {
        float re = x[d], im = x[d + 1];
        if (norm) {
            re = re * scale * norm[d];
            im = im * scale * norm[d + 1];
        }
        x[d] = re * rotation[d] - im * rotation[d + 1];
        x[d + 1] = re * rotation[d + 1] + im * rotation[d];
    }
}

/* d [D], the gradient of a head y norm, y = raw normed, becomes that of raw; that of norm is added to */
INLINE void norm_head_backward(float *d, const float *raw, const float *norm, float *norm_gradient, int64_t D, float eps) {
    float scale = inverse_rms(raw, D, eps), dot = 0;
    f8 lanes = all(0);
    int64_t i = 0;
    for (; i + 8 <= D; i += 8) {
        f8 y = load(raw + i) * all(scale), dy = load(d + i);
        store(norm_gradient + i, load(norm_gradient + i) + dy * y);
        dy *= load(norm + i);
        lanes += dy * y;
        store(d + i, dy);
    }
    for (; i < D; i++) {
        float y = raw[i] * scale;
        norm_gradient[i] += d[i] * y;
        d[i] *= norm[i];
        dot += d[i] * y;
    }
    float mean = (dot + sum(lanes)) / (float)D;
    for (i = 0; i + 8 <= D; i += 8) store(d + i, all(scale) * (load(d + i) - load(raw + i) * all(scale * mean)));
    for (; i < D; i++) d[i] = scale * (d[i] - raw[i] * scale * mean);
}

/* the queries and keys of qkv [rows, Q + 2 K, D] */
static void position(float *qkv, const float *norm, const float *rotation, int64_t rows, int64_t heads, int64_t K, int64_t D,
                     float eps) {
    for (int64_t b = 0; b < rows; b++, qkv += heads * D, rotation += D) {
        for (int64_t h = 0; h < heads - K; h++) position_head(qkv + h * D, norm ? norm + h * D : NULL, rotation, D, eps);
    }
}

/* ---------------------------------------------------------------------- products of a layer */

/* A matrix w [N, K] is kept in panels [ceil(N / 16), K, 16]: sixteen of its rows side by side, those past N zero. */
enum { PANEL = 16, TOGETHER = 96 }; /* rows of a panel; rows of x that stay in cache from one product to the next */

/* w [N, K], of these strides, as panels of `width` of its rows, from place `first` of sixteen */
static void pack(const float *w, int64_t row, int64_t column, float *panels, int64_t N, int64_t K, int64_t width, int64_t first) {
    for (int64_t n = 0; n < N; n += width) {
        for (int64_t k = 0; k < K; k++, panels += PANEL) {
            for (int64_t r = 0; r < width; r++) panels[first + r] = n + r < N ? w[(n + r) * row + k * column] : 0;
        }
    }
}

/* sums [R, 16] = x [R, K] panel, x of these strides: one sum to each, from the first product to the last */
INLINE void multiply(const float *x, int64_t row, int64_t column, int64_t K, const float *panel, float *sums, const int R) {
#if LEVEL == 4
    typedef float f16 __attribute__((vector_size(64), aligned(4), may_alias));
    f16 c[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) c[r] = (f16){0};
    for (int64_t k = 0; k < K; k++) {
        f16 w = *(const f16 *)(panel + PANEL * k);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) c[r] += x[r * row + k * column] * w;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) *(f16 *)(sums + PANEL * r) = c[r];
#else
    f8 a[R], b[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) a[r] = b[r] = all(0);
    for (int64_t k = 0; k < K; k++) {
        f8 v = load(panel + PANEL * k), w = load(panel + PANEL * k + 8);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            f8 own = all(x[r * row + k * column]);
            a[r] += own * v;
            b[r] += own * w;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) store(sums + PANEL * r, a[r]), store(sums + PANEL * r + 8, b[r]);
#endif
}

enum { HELD = LEVEL == 4 ? 12 : 6 }; /* rows whose sums the registers hold */

/* the same of any number of rows. Not inlined: within another function there are not registers enough */
__attribute__((noinline)) static void multiply_rows(const float *x, int64_t K, const float *panel, float *sums, int64_t rows) {
    if (rows >= HELD) {
        for (int64_t b = 0; b < rows; b += HELD) {
            int64_t at = least(b, rows - HELD); /* rather some rows twice, to the same sums, than few at a time */
            multiply(x + at * K, K, 1, K, panel, sums + at * PANEL, HELD);
        }
        return;
    }
    for (; rows >= 3; rows -= 3, x += 3 * K, sums += 3 * PANEL) multiply(x, K, 1, K, panel, sums, 3);
    for (; rows > 0; rows--, x += K, sums += PANEL) multiply(x, K, 1, K, panel, sums, 1);
}

/* sums [HELD, 16] = columns' panel, columns [rows, HELD] */
__attribute__((noinline)) static void multiply_columns(const float *columns, const float *panel, float *sums, int64_t rows) {
    multiply(columns, 1, HELD, rows, panel, sums, HELD);
}

/* of up to TOGETHER rows: out [rows, N] = x [rows, K] w' + bias (NULL: none); */
enum result {
    SET,
    ADDED, /* added to out, without bias; */
    GATED  /* silu(x gate') * (x up'), a panel holding eight rows of gate, then eight of up; gu [rows, 2 N] (NULL: not wanted) gets x gate', x up' */
};

INLINE void product(const float *x, int64_t K, const float *panel, const float *bias, float *out, int64_t N, int64_t rows, enum result result,
                    float *gu) {
    float sums[TOGETHER * PANEL];
    int64_t step = result == GATED ? PANEL / 2 : PANEL;
    for (int64_t j = 0; j < N; j += step, panel += K * PANEL) {
        int64_t n = least(step, N - j);
        multiply_rows(x, K, panel, sums, rows);
        for (int64_t b = 0; b < rows; b++) {
            float *own = sums + b * PANEL, *to = out + b * N + j;
            if (result == GATED) {
                store_first(to, gate_times(load(own), load(own + 8)), n);
                if (gu) {
                    store_first(gu + b * 2 * N + j, load(own), n);
                    store_first(gu + b * 2 * N + N + j, load(own + 8), n);
                }
                continue;
            }
            const float *more = result == ADDED ? to : bias ? bias + j : NULL;
            int64_t i = 0;
            for (; i + 8 <= n; i += 8) {
                f8 v = load(own + i);
                if (more) v += load(more + i);
                store(to + i, v);
            }
            for (; i < n; i++) to[i] = more ? own[i] + more[i] : own[i];
        }
    }
}

/* gradient [M, N] += a' b, a [rows, M], b [rows, N], at most TOGETHER rows. scratch [TOGETHER, N + PANEL] */
static void add_outer(const float *a, const float *b, float *gradient, int64_t M, int64_t N, int64_t rows, float *scratch) {
    float columns[TOGETHER * HELD], sums[HELD * PANEL];
    for (int64_t j = 0; j < N; j += PANEL) {
        float *panel = scratch + rows * j;
        int64_t n = least(PANEL, N - j);
        for (int64_t t = 0; t < rows; t++, panel += PANEL) {
            if (n == PANEL) {
                copy(panel, b + t * N + j, PANEL);
            } else {
                for (int64_t i = 0; i < PANEL; i++) panel[i] = i < n ? b[t * N + j + i] : 0;
            }
        }
    }
    for (int64_t m = 0; m < M; m += HELD) {
        int64_t held = least(HELD, M - m);
        for (int64_t t = 0; t < rows; t++) {
            if (held == HELD) {
                for (int64_t r = 0; r < HELD; r++) columns[t * HELD + r] = a[t * M + m + r];
            } else {
                for (int64_t r = 0; r < HELD; r++) columns[t * HELD + r] = r < held ? a[t * M + m + r] : 0;
            }
        }
        for (int64_t j = 0; j < N; j += PANEL) {
            multiply_columns(columns, scratch + rows * j, sums, rows);
            int64_t n = least(PANEL, N - j);
            for (int64_t r = 0; r < held; r++) {
                float *to = gradient + (m + r) * N + j;
                if (n == PANEL) {
                    store(to, load(to) + load(sums + r * PANEL));
                    store(to + 8, load(to + 8) + load(sums + r * PANEL + 8));
                } else {
                    for (int64_t i = 0; i < n; i++) to[i] += sums[r * PANEL + i];
                }
            }
        }
    }
}

/* Queries, keys and values out [rows, heads, D] of x [rows, H]: normed, times w (and bias); queries and keys positioned, and before that, where
 * wanted, in raw [rows, heads - K, D]. scratch [TOGETHER, H] */
static void project(const float *x, const float *w, const float *bias, const float *norm, const float *rotation, float *scratch, float *out,
                    float *raw, int64_t rows, int64_t H, int64_t heads, int64_t K, int64_t D, float eps) {
    for (; rows > 0; rows -= TOGETHER, x += TOGETHER * H, out += TOGETHER * heads * D, rotation += TOGETHER * D) {
        int64_t n = least(rows, TOGETHER);
        normalise(x, scratch, NULL, n, H, eps);
        product(scratch, H, w, bias, out, heads * D, n, SET, NULL);
        for (int64_t b = 0; raw && b < n; b++, raw += (heads - K) * D) copy(raw, out + b * heads * D, (heads - K) * D);
        position(out, norm, rotation, n, heads, K, D, eps);
    }
}

/* d [rows, heads, D], the gradient of project's result, becomes that of what was positioned; adds to dx [rows, H], and to the gradients of w [heads
 * D, H], bias [heads D] and norm [heads - K, D]. turned_back is the rotation conjugated, w_t panels of w'. scratch [TOGETHER, 3 H + PANEL] */
static void project_backward(float *d, const float *x, const float *raw, const float *norm, const float *turned_back, const float *w_t, float *dx,
                             float *gradient, float *bias_gradient, float *norm_gradient, float *scratch, int64_t rows, int64_t H, int64_t heads,
                             int64_t K, int64_t D, float eps) {
    float *h = scratch, *dh = h + TOGETHER * H, *panels = dh + TOGETHER * H, r[TOGETHER];
    for (; rows > 0; rows -= TOGETHER, x += TOGETHER * H, dx += TOGETHER * H, d += TOGETHER * heads * D) {
        int64_t n = least(rows, TOGETHER);
        for (int64_t b = 0; b < n; b++, turned_back += D) {
            for (int64_t i = 0; i < heads - K; i++) {
                float *own = d + (b * heads + i) * D;
                position_head(own, NULL, turned_back, D, eps);
                if (!norm) continue;
                norm_head_backward(own, raw, norm + i * D, norm_gradient + i * D, D, eps);
                raw += D;
            }
            for (int64_t i = 0; bias_gradient && i < heads * D; i++) bias_gradient[i] += d[b * heads * D + i];
        }
        normalise(x, h, r, n, H, eps);
        add_outer(d, h, gradient, heads * D, H, n, panels);
        product(d, heads * D, w_t, NULL, dh, H, n, SET, NULL);
        normalise_backward(dx, dh, h, r, n, H);
    }
}

/* x [rows, H] += o [rows, O] wo'; x += (silu(h gate') * (h up')) down', h = x normed. mid [rows, H] and gu [rows, 2 I] (NULL: not wanted) get that
 * x, and h gate', h up'. scratch [TOGETHER, H + I] */
static void finish(float *x, const float *o, const float *wo, const float *gate_up, const float *down, float *scratch, float *mid, float *gu,
                   int64_t rows, int64_t H, int64_t O, int64_t I, float eps) {
    float *inner = scratch + TOGETHER * H;
    for (; rows > 0; rows -= TOGETHER, x += TOGETHER * H, o += TOGETHER * O) {
        int64_t n = least(rows, TOGETHER);
        product(o, O, wo, NULL, x, H, n, ADDED, NULL);
        normalise(x, scratch, NULL, n, H, eps);
        if (mid) {
            copy(mid, x, n * H);
            mid += TOGETHER * H;
        }
        product(scratch, H, gate_up, NULL, inner, I, n, GATED, gu);
        if (gu) gu += TOGETHER * 2 * I;
        product(inner, I, down, NULL, x, H, n, ADDED, NULL);
    }
}

/* dx [rows, H], the gradient of finish's result, becomes that of its x; dout [rows, O] gets that of o, and the gradients of wo [H, O], gate and up
 * [2 I, H] and down [H, I] are added to. wo_t, gate_up_t, down_t are panels of the transposed. scratch [TOGETHER, 4 I + 2 H + max(H, I, O) + PANEL] */
static void finish_backward(float *dx, const float *mid, const float *gu, const float *o, const float *wo_t, const float *gate_up_t,
                            const float *down_t, float *wo_gradient, float *gate_up_gradient, float *down_gradient, float *dout, float *scratch,
                            int64_t rows, int64_t H, int64_t O, int64_t I, float eps) {
    float *dgu = scratch, *inner = dgu + TOGETHER * 2 * I, *dinner = inner + TOGETHER * I, *h = dinner + TOGETHER * I, *dh = h + TOGETHER * H;
    float *panels = dh + TOGETHER * H, r[TOGETHER];
    for (; rows > 0; rows -= TOGETHER, dx += TOGETHER * H, mid += TOGETHER * H, gu += TOGETHER * 2 * I, o += TOGETHER * O, dout += TOGETHER * O) {
        int64_t n = least(rows, TOGETHER);
        product(dx, H, down_t, NULL, dinner, I, n, SET, NULL);
        gated_backward(dinner, gu, dgu, inner, n, I);
        add_outer(dx, inner, down_gradient, H, I, n, panels);
        normalise(mid, h, r, n, H, eps);
        add_outer(dgu, h, gate_up_gradient, 2 * I, H, n, panels);
        product(dgu, 2 * I, gate_up_t, NULL, dh, H, n, SET, NULL);
        normalise_backward(dx, dh, h, r, n, H);
        add_outer(dx, o, wo_gradient, H, O, n, panels);
        product(dx, H, wo_t, NULL, dout, O, n, SET, NULL);
    }
}

/* ---------------------------------------------------------------------- attention of a step, and of packed tokens */

/* One step over a cache [rows, K, S, D] of keys and of values: those of qkv [rows, Q + 2 K, D], positioned, go to slots at [rows]; out [rows, Q,
 * D]. prefixes [rows, 2]: a row whose first so many slots hold the same as this one's; what several rows read is in cache. scratch [S]. */
static void attend_cached(const float *qkv, float *keys, float *values, const int64_t *at, const int64_t *prefixes, float *scratch, float *out,
                          int64_t rows, int64_t Q, int64_t K, int64_t S, int64_t D) {
    int64_t G = Q / K;
    for (int64_t b = 0; b < rows; b++, qkv += (Q + 2 * K) * D) {
        int64_t n = at[b] + 1, shared = least(prefixes[2 * b + 1], n), eights = (n - shared) / 8 * 8;
        int64_t rest = least(shared + eights, S - 8); /* not past the slots: rather some keys twice */
        for (int64_t h = 0; h < K; h++) {
            float *k = keys + (b * K + h) * S * D, *v = values + (b * K + h) * S * D;
            int64_t twin = (prefixes[2 * b] * K + h) * S * D;
            copy(k + at[b] * D, qkv + (Q + h) * D, D);
            copy(v + at[b] * D, qkv + (Q + K + h) * D, D);
            for (int64_t g = h * G; g < (h + 1) * G; g++, out += D) {
                float most, total;
                dots(qkv + g * D, keys + twin, scratch, shared, D);
                dots(qkv + g * D, k + shared * D, scratch + shared, eights, D);
                dots(qkv + g * D, k + rest * D, scratch + rest, 8, D);
                total = exponentials(scratch, n, &most);
                memset(out, 0, (size_t)D * sizeof(float));
                combine(scratch, values + twin, out, shared, D);
                combine(scratch + shared, v + shared * D, out, n - shared, D);
                for (int64_t d = 0; d < D; d++) out[d] *= 1.0f / total;
            }
        }
    }
}

/* Packed tokens: queries, keys and values qkv [N, Q + 2 K, D]. rows [count, 4]: begin and number of a
 * row's own tokens, which are its queries; begin and number of such that come before them, which are keys of it too. Causal. */
struct packed {
    const float *qkv;
    const int64_t *rows;
    int64_t count, Q, K, D;
};

enum { TILE = 16, BLOCK = 64 }; /* queries that share a pass over the keys, of so many at a time */

INLINE int64_t token(const int64_t *row, int64_t j) { return j < row[3] ? row[2] + j : row[0] + j - row[3]; }

INLINE const float *head(const float *x, int64_t token, int64_t heads, int64_t head, int64_t D) { return x + (token * heads + head) * D; }

INLINE void gather(const float *x, const int64_t *row, int64_t heads, int64_t h, int64_t D, float *out) {
    for (int64_t j = 0; j < row[1] + row[3]; j++) copy(out + j * D, head(x, token(row, j), heads, h, D), D);
}

/* out [N, Q, D], and lse [N, Q] of the scores. longest: keys of a row, at most, rounded up to eight; scratch [longest * (2 D + TILE)]. */
static void attend_packed(const struct packed *a, float *out, float *lse, float *scratch, int64_t longest) {
    int64_t Q = a->Q, K = a->K, D = a->D, G = Q / K;
    float *keys = scratch, *values = keys + longest * D, *scores = values + longest * D;
    for (int64_t r = 0; r < a->count; r++) {
        const int64_t *row = a->rows + 4 * r;
        for (int64_t h = 0; h < K; h++) {
            gather(a->qkv, row, Q + 2 * K, Q + h, D, keys);
            gather(a->qkv, row, Q + 2 * K, Q + K + h, D, values);
            int64_t next = 0, all_pairs = row[1] * G;
            while (next < all_pairs) {
                /* the next queries, of any head, and how many keys each has */
                int64_t at[TILE], n[TILE], limit = 0;
                const float *q[TILE];
                float totals[TILE];
                int pairs = 0;
                for (; next < all_pairs && pairs < TILE; next++, pairs++) {
                    int64_t i = next / G, g = h * G + next % G;
                    at[pairs] = (row[0] + i) * Q + g;
                    n[pairs] = limit = row[3] + i + 1;
                    q[pairs] = head(a->qkv, row[0] + i, Q + 2 * K, g, D);
                }
                for (int64_t from = 0; from < limit; from += BLOCK) {
                    for (int t = 0; t < pairs; t++) {
                        int64_t m = least(n[t] - from, BLOCK);
                        if (m > 0) dots(q[t], keys + from * D, scores + t * longest + from, m, D);
                    }
                }
                for (int t = 0; t < pairs; t++) {
                    float most;
                    totals[t] = exponentials(scores + t * longest, n[t], &most);
                    if (lse) lse[at[t]] = most + logf(totals[t]);
                    memset(out + at[t] * D, 0, (size_t)D * sizeof(float));
                }
                for (int64_t from = 0; from < limit; from += BLOCK) {
                    for (int t = 0; t < pairs; t++) {
                        int64_t m = least(n[t] - from, BLOCK);
                        if (m > 0) combine(scores + t * longest + from, values + from * D, out + at[t] * D, m, D);
                    }
                }
                for (int t = 0; t < pairs; t++) {
                    for (int64_t d = 0; d < D; d++) out[at[t] * D + d] *= 1.0f / totals[t];
                }
            }
        }
    }
}

/* Adds the gradient, for that of out, to dqkv [N, Q + 2 K, D]. Queries without a gradient cost nothing.
 * scratch [longest * (4 D + 2 TILE)]. */
static void attend_packed_backward(const struct packed *a, const float *dout, const float *lse, float *dqkv, float *scratch,
                                   int64_t longest) {
    int64_t Q = a->Q, K = a->K, D = a->D, G = Q / K;
    float *keys = scratch, *values = keys + longest * D, *dkeys = values + longest * D, *dvalues = dkeys + longest * D;
    float *p = dvalues + longest * D, *ds = p + TILE * longest;
    for (int64_t r = 0; r < a->count; r++) {
        const int64_t *row = a->rows + 4 * r;
        int64_t L = row[1] + row[3];
        for (int64_t h = 0; h < K; h++) {
            gather(a->qkv, row, Q + 2 * K, Q + h, D, keys);
            gather(a->qkv, row, Q + 2 * K, Q + K + h, D, values);
            memset(dkeys, 0, (size_t)(2 * longest * D) * sizeof(float));
            int64_t next = 0, all_pairs = row[1] * G;
            while (next < all_pairs) {
                /* the next queries, of any head, that have a gradient */
                int64_t at[TILE], n[TILE], limit = 0;
                const float *q[TILE], *d[TILE];
                int pairs = 0;
                for (; next < all_pairs && pairs < TILE; next++) {
                    int64_t i = next / G, g = h * G + next % G;
                    const float *gradient = dout + ((row[0] + i) * Q + g) * D;
                    int zero = 1;
                    for (int64_t e = 0; e < D; e++) zero &= gradient[e] == 0;
                    if (zero) continue;
                    at[pairs] = (row[0] + i) * Q + g;
                    n[pairs] = limit = row[3] + i + 1;
                    q[pairs] = head(a->qkv, row[0] + i, Q + 2 * K, g, D);
                    d[pairs++] = gradient;
                }
                for (int64_t from = 0; from < limit; from += BLOCK) {
                    for (int t = 0; t < pairs; t++) {
                        int64_t m = least(n[t] - from, BLOCK);
                        if (m > 0) {
                            dots(q[t], keys + from * D, p + t * longest + from, m, D);
                            dots(d[t], values + from * D, ds + t * longest + from, m, D);
                        }
                    }
                }
                for (int t = 0; t < pairs; t++) {
                    float *own = p + t * longest, *dp = ds + t * longest;
                    for (int64_t s = n[t]; s < (limit + 7) / 8 * 8; s++) {
                        own[s] = -INFINITY;
                        dp[s] = 0;
                    }
                    f8 dot = all(0);
                    for (int64_t s = 0; s < limit; s += 8) {
                        f8 e = exponential(load(own + s) - all(lse[at[t]]));
                        store(own + s, e);
                        dot += e * load(dp + s);
                    }
                    f8 mean = all(sum(dot));
                    for (int64_t s = 0; s < limit; s += 8) store(dp + s, load(own + s) * (load(dp + s) - mean));
                }
                for (int64_t from = 0; from < limit; from += BLOCK) {
                    int64_t m = least(limit - from, BLOCK);
                    for (int t = 0; t < pairs; t++) {
                        combine(ds + t * longest + from, keys + from * D, dqkv + (at[t] / Q * (Q + 2 * K) + at[t] % Q) * D, m, D);
                    }
                    spread(ds + from, longest, q, pairs, dkeys + from * D, m, D);
                    spread(p + from, longest, d, pairs, dvalues + from * D, m, D);
                }
            }
            for (int64_t j = 0; j < L; j++) {
                float *dk = dqkv + (token(row, j) * (Q + 2 * K) + Q + h) * D, *dv = dk + K * D;
                for (int64_t e = 0; e < D; e++) {
                    dk[e] += dkeys[j * D + e];
                    dv[e] += dvalues[j * D + e];
                }
            }
        }
    }
}

/* ---------------------------------------------------------------------- the distribution of the next token */

/* the largest of a row of logits [words] * inverse */
INLINE float largest_logit(const float *z, int64_t words, f8 inverse) {
    f8 tops = all(-INFINITY);
    float tail[8];
    for (int64_t i = 0; i < words; i += 8) tops = largest(tops, load(eight(z + i, words - i, tail)) * inverse);
    return maximum(tops);
}

struct moments {
    float s, t, c; /* sums over a row of e^x, x e^x and e^2x, x = z * inverse - top */
};

INLINE struct moments moments(const float *z, int64_t words, f8 inverse, float top) {
    f8 s = all(0), t = s, c = s;
    float tail[8];
    for (int64_t block = 0; block < words; block += 1024) { /* sums of sums, which lose less */
        int64_t end = block + 1024 < words ? block + 1024 : words;
        f8 s1 = all(0), t1 = s1, c1 = s1;
        for (int64_t i = block; i < end; i += 8) {
            f8 x = load(eight(z + i, end - i, tail)) * inverse - all(top);
            f8 e = exponential(x);
            s1 += e;
            t1 += e * x;
            c1 += e * e;
        }
        s += s1;
        t += t1;
        c += c1;
    }
    return (struct moments){sum(s), sum(t), sum(c)};
}

/* One row of logits [words]: its token by the inverse of the cumulative distribution at u (or, u < 0, the likeliest), and that token's
 * log-prob, the entropy (nats) and the collision probability of the distribution. */
INLINE int64_t draw_row(const float *z, int64_t words, float u, float *log_prob, float *entropy, float *collision) {
    float top = largest_logit(z, words, all(1.0f)), tail[8];
    struct moments m = moments(z, words, all(1.0f), top);
    float total = m.s, log_total = logf(m.s);
    *entropy = log_total - m.t / total;
    *collision = m.c / total / total;
    int64_t i, drawn = 0;
    if (u < 0) {
        while (drawn < words - 1 && z[drawn] != top) drawn++;
    } else {
        /* eight words at a time until the sum passes u, then one by one */
        float goal = u * total, before = 0;
        for (i = 0; i < words; i += 8) {
            int n = words - i < 8 ? (int)(words - i) : 8;
            f8 e = exponential(load(eight(z + i, n, tail)) - all(top));
            float more = sum(e);
            if (before + more > goal) {
                for (int j = 0; j < n && before <= goal; before += e[j++]) drawn = e[j] > 0 ? i + j : drawn;
                break;
            }
            before += more;
        }
        if (i >= words) { /* u is 1 but for rounding: the last word that can be drawn at all */
            for (drawn = words - 1; drawn > 0 && !(z[drawn] - top > -87.0f); drawn--) {}
        }
    }
    *log_prob = z[drawn] - top - log_total;
    return drawn;
}

static void draw(const float *z, const float *uniform, int64_t steps, int64_t *tokens, float *stats, int64_t rows, int64_t words,
                 int64_t all_rows) {
    for (int64_t b = 0; b < rows; b++) {
        float *own = stats + b;
        tokens[b] = draw_row(z + b * words, words, uniform[b * steps], own, own + all_rows, own + 2 * all_rows);
    }
}

/* ---------------------------------------------------------------------- the head, block by block of the vocabulary */

/* Adds a block of logits z / temperature [rows, words], of the words from first, to the running sums of each row [5, rows]: the largest logit,
 * sum e^(z - largest), the same weighted by z - largest, the same squared, and the target's logit. first = 0 begins. */
static void head_sums(const float *z, const int64_t *target, float *sums5, int64_t rows, int64_t words, int64_t first,
                      float temperature) {
    f8 inverse = all(1.0f / temperature);
    for (int64_t b = 0; b < rows; b++, z += words) {
        float *top = sums5 + b, *s = top + rows, *t = s + rows, *c = t + rows, *picked = c + rows;
        float most = largest_logit(z, words, inverse);
        if (first == 0) {
            *s = *t = *c = *picked = 0;
        } else if (*top > most) {
            most = *top;
        } else {
            float d = *top - most, f = expf(d);
            *t = (*t + *s * d) * f;
            *s *= f;
            *c *= f * f;
        }
        *top = most;
        struct moments m = moments(z, words, inverse, most);
        *s += m.s;
        *t += m.t;
        *c += m.c;
        int64_t own = target[b] - first;
        if (own >= 0 && own < words) *picked = z[own] / temperature;
    }
}

/* z becomes the gradient of sum coefficient logp[target] + entropy_coefficient entropy:
 * (c (onehot - p) - e p (ln p + H)) / temperature, p = e^(z / temperature - lse). entropy_coefficient NULL is zero. */
static void head_gradient(float *z, const int64_t *target, const float *coefficient, const float *entropy_coefficient,
                          const float *entropy, const float *lse, int64_t rows, int64_t words, int64_t first, float temperature) {
    f8 inverse = all(1.0f / temperature);
    for (int64_t b = 0; b < rows; b++, z += words) {
        float c = coefficient[b] / temperature, e = entropy_coefficient ? entropy_coefficient[b] / temperature : 0, tail[8];
        f8 constant = all(-c - e * entropy[b]);
        for (int64_t i = 0; i < words; i += 8) {
            f8 x = load(eight(z + i, words - i, tail)) * inverse - all(lse[b]), p = exponential(x);
            store_first(z + i, e == 0 ? p * all(-c) : p * (constant - x * all(e)), words - i);
        }
        int64_t own = target[b] - first;
        if (own >= 0 && own < words) z[own] += c;
    }
}

/* ---------------------------------------------------------------------- AdamW */

/* one update of p [n] with the gradient times scale, which is cleared; rate1 = 1 - beta1^t, rate2 = (1 - beta2^t)^1/2 */
static void adamw(float *restrict p, float *restrict g, float *restrict m, float *restrict v, int64_t n, float lr, float beta1,
                  float beta2, float eps, float decay, float scale, float rate1, float rate2) {
    for (int64_t i = 0; i < n; i++) {
        float x = g[i] * scale;
        m[i] += (1.0f - beta1) * (x - m[i]);
        v[i] = v[i] * beta2 + (1.0f - beta2) * x * x;
        p[i] = p[i] * (1.0f - lr * decay) - lr / rate1 * m[i] / (sqrtf(v[i]) / rate2 + eps);
        g[i] = 0;
    }
}

/* ---------------------------------------------------------------------- what libtorch calls */

typedef uint64_t value; /* an argument: a tensor's handle, which is the callee's to delete; or the bits of an int or a float (a bool's come with garbage) */
typedef void *handle;

extern int32_t aoti_torch_get_data_ptr(handle, void **);
extern int32_t aoti_torch_get_numel(handle, int64_t *);
extern int32_t aoti_torch_get_size(handle, int64_t, int64_t *);
extern int32_t aoti_torch_delete_tensor_object(handle);
extern int32_t aoti_torch_library_init_def(const char *, const char *, uint32_t, handle *);
extern int32_t aoti_torch_library_init_impl(const char *, const char *, const char *, uint32_t, handle *);
extern int32_t aoti_torch_library_def(handle, const char *);
extern int32_t aoti_torch_library_impl(handle, const char *, void (*)(value *, uint64_t, uint64_t));

/* a tensor's elements; NULL of an empty one */
static void *elements(value v) {
    handle t = (handle)(uintptr_t)v;
    int64_t n = 0;
    void *p = NULL;
    aoti_torch_get_numel(t, &n);
    aoti_torch_get_data_ptr(t, &p);
    return n == 0 ? NULL : p;
}

static int64_t size(value v, int64_t dimension) {
    int64_t n = 0;
    aoti_torch_get_size((handle)(uintptr_t)v, dimension, &n);
    return n;
}

static double number(value v) {
    double d;
    memcpy(&d, &v, sizeof d);
    return d;
}

static void release(const value *tensors, int n) {
    for (int i = 0; i < n; i++) aoti_torch_delete_tensor_object((handle)(uintptr_t)tensors[i]);
}

static void call_normalise(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    normalise(elements(v[0]), elements(v[1]), elements(v[2]), size(v[0], 0), size(v[0], 1), (float)number(v[3]));
    release(v, 3);
}

static void call_pack(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    int64_t rows = size(v[0], 0), columns = size(v[0], 1);
    if (v[2]) {
        pack(elements(v[0]), 1, columns, elements(v[1]), columns, rows, (int64_t)v[3], (int64_t)v[4]);
    } else {
        pack(elements(v[0]), columns, 1, elements(v[1]), rows, columns, (int64_t)v[3], (int64_t)v[4]);
    }
    release(v, 2);
}

static void call_project(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    project(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), elements(v[6]), elements(v[7]),
            size(v[0], 0), size(v[0], 1), size(v[6], 1), (int64_t)v[8], size(v[6], 2), (float)number(v[9]));
    release(v, 8);
}

static void call_project_backward(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    project_backward(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), elements(v[6]), elements(v[7]),
                     elements(v[8]), elements(v[9]), elements(v[10]), size(v[1], 0), size(v[1], 1), size(v[0], 1), (int64_t)v[11], size(v[0], 2),
                     (float)number(v[12]));
    release(v, 11);
}

static void call_finish(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    int64_t H = size(v[0], 1);
    finish(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), elements(v[6]), elements(v[7]),
           size(v[0], 0), H, size(v[1], 1), size(v[5], 1) - H, (float)number(v[8]));
    release(v, 8);
}

static void call_finish_backward(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    finish_backward(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), elements(v[6]), elements(v[7]),
                    elements(v[8]), elements(v[9]), elements(v[10]), elements(v[11]), size(v[0], 0), size(v[0], 1), size(v[3], 1),
                    size(v[2], 1) / 2, (float)number(v[12]));
    release(v, 12);
}

static void call_attend_cached(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    int64_t K = size(v[1], 1);
    attend_cached(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), elements(v[6]), size(v[0], 0),
                  size(v[0], 1) - 2 * K, K, size(v[1], 2), size(v[1], 3));
    release(v, 7);
}

static struct packed packed(const value *v, value kv_heads) {
    return (struct packed){elements(v[0]), elements(v[1]), size(v[1], 0), size(v[0], 1) - 2 * (int64_t)kv_heads, (int64_t)kv_heads, size(v[0], 2)};
}

static void call_attend_packed(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    struct packed a = packed(v, v[5]);
    attend_packed(&a, elements(v[2]), elements(v[3]), elements(v[4]), (int64_t)v[6]);
    release(v, 5);
}

static void call_attend_packed_backward(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    struct packed a = packed(v, v[6]);
    attend_packed_backward(&a, elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), (int64_t)v[7]);
    release(v, 6);
}

static void call_draw(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    int64_t steps = size(v[1], 1), all_rows = size(v[1], 0), step = (int64_t)v[4], first = (int64_t)v[5];
    draw(elements(v[0]), (float *)elements(v[1]) + first * steps + step, steps, (int64_t *)elements(v[2]) + step * all_rows + first,
         (float *)elements(v[3]) + 3 * step * all_rows + first, size(v[0], 0), size(v[0], 1), all_rows);
    release(v, 4);
}

static void call_normalise_backward(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    normalise_backward(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), size(v[0], 0), size(v[0], 1));
    release(v, 4);
}

static void call_head_sums(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    head_sums(elements(v[0]), elements(v[1]), elements(v[2]), size(v[0], 0), size(v[0], 1), (int64_t)v[3],
              (float)number(v[4]));
    release(v, 3);
}

static void call_head_gradient(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    head_gradient(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), size(v[0], 0),
                  size(v[0], 1), (int64_t)v[6], (float)number(v[7]));
    release(v, 6);
}

static void call_adamw(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    double beta1 = number(v[6]), beta2 = number(v[7]);
    adamw(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), size(v[0], 0), (float)number(v[5]), (float)beta1, (float)beta2,
          (float)number(v[8]), (float)number(v[9]), (float)number(v[10]), (float)(1 - pow(beta1, (double)(int64_t)v[4])),
          (float)sqrt(1 - pow(beta2, (double)(int64_t)v[4])));
    release(v, 4);
}

static const struct {
    const char *name, *schema;
    void (*call)(value *, uint64_t, uint64_t);
} OPERATORS[] = {
    {"normalise", "normalise(Tensor x, Tensor(a!) y, Tensor(b!) r, float eps) -> ()", call_normalise},
    {"pack", "pack(Tensor w, Tensor(a!) panels, int transposed, int width, int first) -> ()", call_pack},
    {"project",
     "project(Tensor x, Tensor w, Tensor bias, Tensor norm, Tensor rotation, Tensor(a!) scratch, Tensor(b!) out, Tensor(c!) raw, int kv_heads, "
     "float eps) -> ()",
     call_project},
    {"project_backward",
     "project_backward(Tensor(a!) d, Tensor x, Tensor raw, Tensor norm, Tensor turned_back, Tensor w_t, Tensor(b!) dx, Tensor(c!) gradient, "
     "Tensor(d!) bias_gradient, Tensor(e!) norm_gradient, Tensor(f!) scratch, int kv_heads, float eps) -> ()",
     call_project_backward},
    {"finish",
     "finish(Tensor(a!) x, Tensor o, Tensor wo, Tensor gate_up, Tensor down, Tensor(b!) scratch, Tensor(c!) mid, Tensor(d!) gu, float eps) -> ()",
     call_finish},
    {"finish_backward",
     "finish_backward(Tensor(a!) dx, Tensor mid, Tensor gu, Tensor o, Tensor wo_t, Tensor gate_up_t, Tensor down_t, Tensor(b!) wo_gradient, "
     "Tensor(c!) gate_up_gradient, Tensor(d!) down_gradient, Tensor(e!) dout, Tensor(f!) scratch, float eps) -> ()",
     call_finish_backward},
    {"attend_cached",
     "attend_cached(Tensor qkv, Tensor(a!) keys, Tensor(b!) values, Tensor at, Tensor prefixes, Tensor(c!) scratch, Tensor(d!) out) -> ()",
     call_attend_cached},
    {"attend_packed",
     "attend_packed(Tensor qkv, Tensor rows, Tensor(a!) out, Tensor(b!) lse, Tensor(c!) scratch, int kv_heads, int longest) -> ()",
     call_attend_packed},
    {"attend_packed_backward",
     "attend_packed_backward(Tensor qkv, Tensor rows, Tensor dout, Tensor lse, Tensor(a!) dqkv, Tensor(b!) scratch, int kv_heads, int longest) -> ()",
     call_attend_packed_backward},
    {"draw", "draw(Tensor z, Tensor uniform, Tensor(a!) tokens, Tensor(b!) stats, int step, int first) -> ()", call_draw},
    {"normalise_backward", "normalise_backward(Tensor(a!) dx, Tensor dy, Tensor y, Tensor r) -> ()", call_normalise_backward},
    {"head_sums", "head_sums(Tensor z, Tensor target, Tensor(a!) sums, int first, float temperature) -> ()", call_head_sums},
    {"head_gradient",
     "head_gradient(Tensor(a!) z, Tensor target, Tensor coefficient, Tensor entropy_coefficient, Tensor entropy, Tensor lse, int first, "
     "float temperature) -> ()",
     call_head_gradient},
    {"adamw",
     "adamw(Tensor(a!) p, Tensor(b!) g, Tensor(c!) m, Tensor(d!) v, int step, float lr, float beta1, float beta2, float eps, "
     "float decay, float scale) -> ()",
     call_adamw},
};

/* The libraries are never deleted: that would take the operators back. */
__attribute__((constructor, target("arch=x86-64"))) static void register_operators(void) {
    handle definitions, kernels;
    int level = __builtin_cpu_supports("x86-64-v4") ? 4 : __builtin_cpu_supports("x86-64-v3") ? 3 : 1;
    if (level != LEVEL) return;
    if (aoti_torch_library_init_def("forkpoint", __FILE__, __LINE__, &definitions) != 0
            || aoti_torch_library_init_impl("forkpoint", "CPU", __FILE__, __LINE__, &kernels) != 0) {
        return; /* another copy of this library was first */
    }
    for (size_t i = 0; i < sizeof OPERATORS / sizeof *OPERATORS; i++) {
        aoti_torch_library_def(definitions, OPERATORS[i].schema);
        aoti_torch_library_impl(kernels, OPERATORS[i].name, OPERATORS[i].call);
    }
}
