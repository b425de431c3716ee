/*
 * Operators of decoder.py that libtorch has only in pieces: the namespace forkpoint, registered when this library is loaded, through the C
 * functions that libtorch exports for that purpose (torch/csrc/inductor/aoti_torch/c/shim.h), so that it needs no header and no C++.
 *
 * All arrays are contiguous float32 on the CPU, but for what is said to be int64. Each row of an output depends on its own row of the inputs
 * alone, and is added up in the same order however many rows there are. One thread: callers run one on each core.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define INLINE static inline __attribute__((always_inline))

typedef float f8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t i8 __attribute__((vector_size(32), aligned(4), may_alias));

/* ---------------------------------------------------------------------- eight lanes */

INLINE f8 load(const float *p) { return *(const f8 *)p; }
INLINE void store(float *p, f8 v) { *(f8 *)p = v; }
INLINE f8 all(float x) { return (f8){x, x, x, x, x, x, x, x}; }
INLINE f8 choose(i8 where, f8 a, f8 b) { return (f8)(((i8)a & where) | ((i8)b & ~where)); }
INLINE f8 largest(f8 a, f8 b) { return choose(a > b, a, b); }

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

CLONES static void normalise(const float *x, float *y, float *r, int64_t rows, int64_t width, float eps) {
    for (int64_t b = 0; b < rows; b++, x += width, y += width) {
        f8 lanes = all(0);
        int64_t i = 0;
        for (; i + 8 <= width; i += 8) lanes += load(x + i) * load(x + i);
        float squares = sum(lanes);
        for (; i < width; i++) squares += x[i] * x[i];
        float scale = 1.0f / sqrtf(squares / (float)width + eps);
        for (i = 0; i + 8 <= width; i += 8) store(y + i, load(x + i) * all(scale));
        for (; i < width; i++) y[i] = x[i] * scale;
        if (r) r[b] = scale;
    }
}

/* dx += r (dy - y mean(dy y)), the gradient through y = x r */
CLONES static void normalise_backward(float *dx, const float *dy, const float *y, const float *r, int64_t rows, int64_t width) {
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

CLONES static void gated(const float *gu, float *out, int64_t rows, int64_t width) {
    for (int64_t b = 0; b < rows; b++, gu += 2 * width, out += width) {
        int64_t i = 0;
        for (; i + 8 <= width; i += 8) {
            f8 gate = load(gu + i);
            store(out + i, gate * logistic(gate) * load(gu + width + i));
        }
        for (; i < width; i++) out[i] = gu[i] / (1.0f + expf(-gu[i])) * gu[width + i];
    }
}

/* the gradient dgu for that of the output, and the output again */
CLONES static void gated_backward(const float *d, const float *gu, float *dgu, float *out, int64_t rows, int64_t width) {
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

/* ---------------------------------------------------------------------- one step of attention over a cache */

struct attention {
    int64_t heads, kv_heads, head_dim, slots;
    const float *norm; /* [heads + kv_heads, head_dim], NULL where queries and keys have no norm */
    float eps;
};

/* norm and rotation of one head, in rotary pairs, in place; rotation [head_dim / 2] complex */
INLINE void position(float *x, const float *norm, const float *rotation, int64_t head_dim, float eps) {
    float scale = 1.0f;
    if (norm) {
        float squares = 0;
        for (int64_t d = 0; d < head_dim; d++) squares += x[d] * x[d];
        scale = 1.0f / sqrtf(squares / (float)head_dim + eps);
    }
    for (int64_t d = 0; d < head_dim; d += 2) {
        float re = x[d], im = x[d + 1];
        if (norm) {
            re = re * scale * norm[d];
            im = im * scale * norm[d + 1];
        }
        x[d] = re * rotation[d] - im * rotation[d + 1];
        x[d + 1] = re * rotation[d + 1] + im * rotation[d];
    }
}

/* the sums of eight vectors */
INLINE f8 sums(f8 a, f8 b, f8 c, f8 d, f8 e, f8 f, f8 g, f8 h) {
#define PAIRS(x, y) (__builtin_shuffle(x, y, (i8){0, 8, 2, 10, 4, 12, 6, 14}) + __builtin_shuffle(x, y, (i8){1, 9, 3, 11, 5, 13, 7, 15}))
#define FOURS(x, y) (__builtin_shuffle(x, y, (i8){0, 1, 8, 9, 4, 5, 12, 13}) + __builtin_shuffle(x, y, (i8){2, 3, 10, 11, 6, 7, 14, 15}))
    f8 abcd = FOURS(PAIRS(a, b), PAIRS(c, d)), efgh = FOURS(PAIRS(e, f), PAIRS(g, h));
    return __builtin_shuffle(abcd, efgh, (i8){0, 1, 2, 3, 8, 9, 10, 11}) + __builtin_shuffle(abcd, efgh, (i8){4, 5, 6, 7, 12, 13, 14, 15});
}

/* scores [wide] of one query against keys [wide, head_dim], and their maximum over the first n; -inf past those */
INLINE float score(const float *q, const float *keys, float *scores, int64_t n, int64_t wide, int64_t D) {
    f8 top = all(-INFINITY);
    for (int64_t s = 0; s < wide; s += 8) {
        const float *k = keys + s * D;
        f8 a = all(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        int64_t i = 0;
        for (; i + 8 <= D; i += 8) {
            f8 x = load(q + i);
            a += x * load(k + i);
            b += x * load(k + D + i);
            c += x * load(k + 2 * D + i);
            d += x * load(k + 3 * D + i);
            e += x * load(k + 4 * D + i);
            f += x * load(k + 5 * D + i);
            g += x * load(k + 6 * D + i);
            h += x * load(k + 7 * D + i);
        }
        f8 z = sums(a, b, c, d, e, f, g, h);
        for (; i < D; i++) z += all(q[i]) * (f8){k[i], k[D + i], k[2 * D + i], k[3 * D + i], k[4 * D + i], k[5 * D + i], k[6 * D + i], k[7 * D + i]};
        if (s + 8 > n) {
            for (int j = 0; j < 8; j++) z[j] = s + j < n ? z[j] : -INFINITY;
        }
        store(scores + s, z);
        top = largest(top, z);
    }
    return maximum(top);
}

/* out [head_dim] = softmax(scores) values, values [n, head_dim] */
INLINE void average(float *scores, float top, const float *values, float *out, int64_t n, int64_t wide, int64_t D) {
    f8 total = all(0);
    for (int64_t s = 0; s < wide; s += 8) {
        f8 e = exponential(load(scores + s) - all(top));
        store(scores + s, e);
        total += e;
    }
    float scale = 1.0f / sum(total);
    int64_t i = 0;
    for (; i + 32 <= D; i += 32) {
        const float *v = values + i;
        f8 a = all(0), b = a, c = a, d = a;
        for (int64_t s = 0; s < n; s++, v += D) {
            f8 p = all(scores[s]);
            a += p * load(v);
            b += p * load(v + 8);
            c += p * load(v + 16);
            d += p * load(v + 24);
        }
        store(out + i, a * all(scale));
        store(out + i + 8, b * all(scale));
        store(out + i + 16, c * all(scale));
        store(out + i + 24, d * all(scale));
    }
    for (; i + 8 <= D; i += 8) {
        f8 a = all(0);
        for (int64_t s = 0; s < n; s++) a += all(scores[s]) * load(values + s * D + i);
        store(out + i, a * all(scale));
    }
    for (; i < D; i++) {
        float a = 0;
        for (int64_t s = 0; s < n; s++) a += scores[s] * values[s * D + i];
        out[i] = a * scale;
    }
}

CLONES static void attend(const struct attention *a, float *qkv, const float *rotation, float *keys, float *values, const int64_t *at,
                          float *scratch, float *out, int64_t rows) {
    int64_t Q = a->heads, K = a->kv_heads, D = a->head_dim, S = a->slots, G = Q / K;
    for (int64_t b = 0; b < rows; b++) {
        float *q = qkv + b * (Q + 2 * K) * D, *k = q + Q * D, *v = k + K * D;
        const float *turn = rotation + b * D;
        int64_t n = at[b] + 1, wide = (n + 7) / 8 * 8;
        for (int64_t h = 0; h < Q + K; h++) position(q + h * D, a->norm ? a->norm + h * D : NULL, turn, D, a->eps);
        for (int64_t h = 0; h < K; h++) {
            float *hk = keys + (b * K + h) * D * S, *hv = values + (b * K + h) * D * S;
            memcpy(hk + at[b] * D, k + h * D, (size_t)D * sizeof(float));
            memcpy(hv + at[b] * D, v + h * D, (size_t)D * sizeof(float));
            for (int64_t g = h * G; g < (h + 1) * G; g++) {
                float top = score(q + g * D, hk, scratch, n, wide, D);
                average(scratch, top, hv, out + (b * Q + g) * D, n, wide, D);
            }
        }
    }
}

/* ---------------------------------------------------------------------- the distribution of the next token */

/* One row of logits [words]: its token by the inverse of the cumulative distribution at u (or, u < 0, the likeliest), and that token's
 * log-prob, the entropy (nats) and the collision probability of the distribution. Overwrites the logits. */
INLINE int64_t draw_row(float *z, int64_t words, float u, float *log_prob, float *entropy, float *collision) {
    int64_t i = 0;
    f8 tops = all(-INFINITY);
    for (; i + 8 <= words; i += 8) tops = largest(tops, load(z + i));
    float top = maximum(tops);
    for (; i < words; i++) top = z[i] > top ? z[i] : top;
    f8 s = all(0), t = s, c = s;
    float tail[8];
    for (int64_t block = 0; block < words; block += 1024) { /* sums of sums, which lose less */
        int64_t end = block + 1024 < words ? block + 1024 : words;
        f8 s1 = all(0), t1 = s1, c1 = s1;
        for (i = block; i < end; i += 8) {
            f8 x = load(eight(z + i, end - i, tail)) - all(top);
            f8 e = exponential(x);
            s1 += e;
            t1 += e * x;
            c1 += e * e;
        }
        s += s1;
        t += t1;
        c += c1;
    }
    float total = sum(s), log_total = logf(total);
    *entropy = log_total - sum(t) / total;
    *collision = sum(c) / total / total;
    int64_t drawn = 0;
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

CLONES static void draw(float *z, const float *uniform, int64_t steps, int64_t *tokens, float *stats, int64_t rows, int64_t words,
                        int64_t all_rows) {
    for (int64_t b = 0; b < rows; b++) {
        float *own = stats + b;
        tokens[b] = draw_row(z + b * words, words, uniform[b * steps], own, own + all_rows, own + 2 * all_rows);
    }
}

/* ---------------------------------------------------------------------- the head, block by block of the vocabulary */

/* Adds a block of logits z / temperature [rows, words], of the words from first, to the running sums of each row [5, rows]: the largest logit,
 * sum e^(z - largest), the same weighted by z - largest, the same squared, and the target's logit. first = 0 begins. */
CLONES static void head_sums(const float *z, const int64_t *target, float *sums5, int64_t rows, int64_t words, int64_t first,
                             float temperature) {
    f8 inverse = all(1.0f / temperature);
    for (int64_t b = 0; b < rows; b++, z += words) {
        float *top = sums5 + b, *s = top + rows, *t = s + rows, *c = t + rows, *picked = c + rows, tail[8];
        f8 tops = all(-INFINITY);
        for (int64_t i = 0; i < words; i += 8) tops = largest(tops, load(eight(z + i, words - i, tail)) * inverse);
        float most = maximum(tops);
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
        f8 s1 = all(0), t1 = s1, c1 = s1;
        for (int64_t block = 0; block < words; block += 1024) {
            int64_t end = block + 1024 < words ? block + 1024 : words;
            f8 s2 = all(0), t2 = s2, c2 = s2;
            for (int64_t i = block; i < end; i += 8) {
                f8 x = load(eight(z + i, end - i, tail)) * inverse - all(most);
                f8 e = exponential(x);
                s2 += e;
                t2 += e * x;
                c2 += e * e;
            }
            s1 += s2;
            t1 += t2;
            c1 += c2;
        }
        *s += sum(s1);
        *t += sum(t1);
        *c += sum(c1);
        int64_t own = target[b] - first;
        if (own >= 0 && own < words) *picked = z[own] / temperature;
    }
}

/* z becomes the gradient of sum coefficient logp[target] + entropy_coefficient entropy:
 * (c (onehot - p) - e p (ln p + H)) / temperature, p = e^(z / temperature - lse). entropy_coefficient NULL is zero. */
CLONES static void head_gradient(float *z, const int64_t *target, const float *coefficient, const float *entropy_coefficient,
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
CLONES static void adamw(float *restrict p, float *restrict g, float *restrict m, float *restrict v, int64_t n, float lr, float beta1,
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

typedef uint64_t value; /* an argument: a tensor's handle, which is the callee's to delete; or the bits of an int or a float */
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

static void call_attend(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    struct attention a = {.kv_heads = size(v[3], 1), .slots = size(v[3], 2), .head_dim = size(v[3], 3), .norm = elements(v[1]),
                          .eps = (float)number(v[8])};
    a.heads = size(v[0], 1) / a.head_dim - 2 * a.kv_heads;
    attend(&a, elements(v[0]), elements(v[2]), elements(v[3]), elements(v[4]), elements(v[5]), elements(v[6]), elements(v[7]),
           size(v[0], 0));
    release(v, 8);
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

static void call_gated(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    gated(elements(v[0]), elements(v[1]), size(v[1], 0), size(v[1], 1));
    release(v, 2);
}

static void call_gated_backward(value *v, uint64_t inputs, uint64_t outputs) {
    (void)inputs, (void)outputs;
    gated_backward(elements(v[0]), elements(v[1]), elements(v[2]), elements(v[3]), size(v[0], 0), size(v[0], 1));
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
    {"attend",
     "attend(Tensor(a!) qkv, Tensor norm, Tensor rotation, Tensor(b!) keys, Tensor(c!) values, Tensor at, Tensor(d!) scratch, "
     "Tensor(e!) out, float eps) -> ()",
     call_attend},
    {"draw", "draw(Tensor(a!) z, Tensor uniform, Tensor(b!) tokens, Tensor(c!) stats, int step, int first) -> ()", call_draw},
    {"normalise_backward", "normalise_backward(Tensor(a!) dx, Tensor dy, Tensor y, Tensor r) -> ()", call_normalise_backward},
    {"gated", "gated(Tensor gu, Tensor(a!) out) -> ()", call_gated},
    {"gated_backward", "gated_backward(Tensor d, Tensor gu, Tensor(a!) dgu, Tensor(b!) out) -> ()", call_gated_backward},
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
__attribute__((constructor)) static void register_operators(void) {
    handle definitions, kernels;
    if (aoti_torch_library_init_def("forkpoint", __FILE__, __LINE__, &definitions) != 0
            || aoti_torch_library_init_impl("forkpoint", "CPU", __FILE__, __LINE__, &kernels) != 0) {
        return; /* another copy of this library was first */
    }
    for (size_t i = 0; i < sizeof OPERATORS / sizeof *OPERATORS; i++) {
        aoti_torch_library_def(definitions, OPERATORS[i].schema);
        aoti_torch_library_impl(kernels, OPERATORS[i].name, OPERATORS[i].call);
    }
}
