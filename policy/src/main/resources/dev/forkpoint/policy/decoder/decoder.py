"""Decoders of the Llama kind as TorchScript: sampling with a KV cache, scoring, and a forward/backward pair written by hand.

    python decoder.py native decoder-native.pt     # Linux on x86-64: layers_native.py
    python decoder.py aten decoder-aten.pt         # every other device, and the reference for the first: layers_aten.py
    python decoder.py bfloat16 decoder-bfloat16.pt # autocast: the same with dense products of bfloat16 operands

Any torch from 2.7 with torch.jit compiles it; the archives load in libtorch 2.7.1.

Letters: N tokens, B rows x L positions, H hidden, I intermediate, Q query heads, K key/value heads, G = Q / K, D head_dim,
V vocabulary, S cache slots. dims = [V, H, layers, Q, K, D, I, tied, bias, qknorm].
Query/key rows of wqkv, their biases and norms are stored in rotary pairs (0, D/2, 1, D/2+1, ...), so that RoPE is one complex product.

A row's bits must not depend on its neighbours. Our own operators see to that; for oneDNN's products: none but of multiples of 48 rows (without
AVX-512 it takes six rows at a time, and adds up the rest in another order); for libtorch's: none of fewer than 16 rows. Where attention and exp
are libtorch's: each row's keys begin at slot 0; widths are multiples of 8 with exact zeros beyond a row's own; batched products have at least two
members and 400 multiplications each; element counts of exp are multiples of 32.
"""
import io
import sys
import zipfile
from typing import List, Tuple

import torch
from torch import Tensor

sys.dont_write_bytecode = True   # this folder is packed as it is

if sys.argv[1] == "native":
    from layers_native import (adamw_update, attend_cached, attention, computed_places, draw, finish, head_gradient, head_sums, layer_backward,
                               layer_forward, linear, mask_of_slots, norm_backward, normalise, normalised, packed_layer, project, saved_by_layer,
                               transposed_layer)
else:
    from layers_aten import (adamw_update, attend_cached, attention, computed_places, draw, finish, head_gradient, head_sums, layer_backward,
                             layer_forward, linear, mask_of_slots, norm_backward, normalise, normalised, packed_layer, project, saved_by_layer,
                             transposed_layer)


def linear_plain(x: Tensor, w: Tensor) -> Tensor:
    """x w': the bits of a row do not depend on how many there are"""
    rows = x.size(0)
    whole = (rows + 47) // 48 * 48
    if whole == rows:
        return linear(x, w)
    padded = torch.zeros([whole, x.size(1)], device=x.device)
    padded[:rows] = x
    return linear(padded, w)[:rows]


def pairs_of_halves(x: Tensor, D: int) -> Tensor:
    """rows 0..D-1 of each head in the order 0, D/2, 1, D/2 + 1, ..."""
    return x.reshape(x.size(0) // D, 2, D // 2, -1).transpose(1, 2).reshape(x.size(0), -1)


def halves_of_pairs(x: Tensor, D: int) -> Tensor:
    return x.reshape(x.size(0) // D, D // 2, 2, -1).transpose(1, 2).reshape(x.size(0), -1)


def views(flat: Tensor, dims: List[int]) -> List[Tensor]:
    """the parameters as views of one flat tensor: per layer ln1, wqkv, bqkv, qnorm, knorm, wo, ln2, wgu, wd (empty where the family has
    none); then norm, embed, head"""
    V, H, layers, Q, K, D, I = dims[0], dims[1], dims[2], dims[3], dims[4], dims[5], dims[6]
    shapes: List[List[int]] = []
    for _ in range(layers):
        shapes += [[H], [(Q + 2 * K) * D, H], [(Q + 2 * K) * D * dims[8]], [D * dims[9]], [D * dims[9]], [H, Q * D], [H], [2 * I, H], [H, I]]
    shapes += [[H], [V, H]]
    if dims[7] == 0:
        shapes += [[V, H]]
    out: List[Tensor] = []
    at = 0
    for shape in shapes:
        n = shape[0] * (shape[1] if len(shape) == 2 else 1)
        out.append(flat.narrow(0, at, n).view(shape))
        at += n
    if dims[7] != 0:
        out.append(out[-1])
    return out


def query_scale(dims: List[int], like: Tensor) -> Tensor:
    """D^-0.5 for the query rows of wqkv, 1 for the rest [(Q + 2 K) D]; where queries have a norm, that carries the scale instead"""
    Q, K, D = dims[3], dims[4], dims[5]
    out = torch.ones([(Q + 2 * K) * D], device=like.device)
    if dims[9] == 0:
        out[:Q * D] = float(D) ** -0.5
    return out


def folded(flat: Tensor, dims: List[int]) -> List[Tensor]:
    """per layer wqkv * ln1, bqkv, [qnorm * D^-0.5; knorm] by head, wo, wgu * ln2, wd; then norm, embed, head"""
    p = views(flat, dims)
    Q, K, D = dims[3], dims[4], dims[5]
    scale = query_scale(dims, flat)
    out: List[Tensor] = []
    for i in range(dims[2]):
        ln1, wqkv, b, qn, kn, wo, ln2, wgu, wd = p[9 * i], p[9 * i + 1], p[9 * i + 2], p[9 * i + 3], p[9 * i + 4], p[9 * i + 5], p[9 * i + 6], p[9 * i + 7], p[9 * i + 8]
        qk = qn
        w = wqkv * ln1
        if dims[9] != 0:
            qk = torch.cat([(qn * float(D) ** -0.5).expand(Q, D), kn.expand(K, D)])
        else:
            w.mul_(scale[:, None])
            if dims[8] != 0:
                b = b * scale
        out += [w, b, qk, wo, wgu * ln2, wd]
    return out + p[-3:]


def packed(f: List[Tensor], dims: List[int]) -> List[Tensor]:
    """of folded weights, per layer: matrices wqkv, wo, wgu, wd as `packed_layer` wants them, then the bias and the norm of its projections"""
    out: List[Tensor] = []
    for i in range(dims[2]):
        out.extend(packed_layer(f[6 * i], f[6 * i + 3], f[6 * i + 4], f[6 * i + 5]))
        out += [f[6 * i + 1], f[6 * i + 2]]
    return out


# ---------------------------------------------------------------------- the head

def head_block(V: int) -> int:
    """rows of the head computed at once: a block of logits stays in cache, and memory does not grow with the vocabulary"""
    return V if V <= 16384 else 8192


def head_statistics(y: Tensor, w: Tensor, target: Tensor, temperature: float) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    """y [M, H] normed hidden states. Log-prob of target, entropy, collision probability and log-sum-exp of the logits / temperature, [M].
    One pass over blocks of the vocabulary, each sum relative to the largest logit so far."""
    V = w.size(0)
    block = head_block(V)
    sums = torch.empty([5, y.size(0)], device=y.device)
    for a in range(0, V, block):
        head_sums(linear(y, w.narrow(0, a, min(block, V - a))), target, sums, a, temperature)
    top, s, t, c, picked = sums[0], sums[1], sums[2], sums[3], sums[4]
    log_s = s.log()
    lse = top + log_s
    return picked - lse, log_s - t / s, c / s / s, lse


def head_top(y: Tensor, w: Tensor, target: Tensor, temperature: float, k: int) -> Tuple[Tensor, Tensor, Tensor]:
    """the k likeliest tokens, their log-probs [M, k], and how many tokens are likelier than target [M]"""
    M, V = y.size(0), w.size(0)
    block = head_block(V)
    logp, entropy, collision, lse = head_statistics(y, w, target, temperature)
    own = (logp + lse)[:, None]
    values, ids = torch.empty([M, 0], device=y.device), torch.empty([M, 0], dtype=torch.long, device=y.device)
    rank = torch.zeros([M], dtype=torch.long, device=y.device)
    for a in range(0, V, block):
        n = min(block, V - a)
        z = linear(y, w.narrow(0, a, n))
        if temperature != 1.0:
            z.mul_(1.0 / temperature)
        higher = z > own
        local = target[:, None] - a
        inside = (local >= 0).logical_and_(local < n)
        higher.scatter_(1, local.clamp(0, n - 1), higher.gather(1, local.clamp(0, n - 1)).logical_and_(inside.logical_not()))
        rank.add_(higher.sum(-1))
        v, j = z.topk(min(k, n), -1)
        values, order = torch.cat([values, v], 1).topk(min(k, values.size(1) + v.size(1)), -1)
        ids = torch.cat([ids, j + a], 1).gather(1, order)
    return ids, values - lse[:, None], rank


def head_backward(y: Tensor, w: Tensor, target: Tensor, coefficient: Tensor, entropy_coefficient: Tensor, entropy: Tensor, lse: Tensor,
                  temperature: float, grad: Tensor) -> Tensor:
    """adds to grad the gradient of sum_m coefficient[m] * logp[m] + entropy_coefficient[m] * entropy[m]; returns that of y.
    dz = (c (onehot - p) - e p (ln p + H)) / temperature, formed block by block. An empty entropy_coefficient is zero."""
    V = w.size(0)
    block = head_block(V)
    dy = torch.zeros_like(y)
    for a in range(0, V, block):
        n = min(block, V - a)
        part = w.narrow(0, a, n)
        z = head_gradient(linear(y, part), target, coefficient, entropy_coefficient, entropy, lse, a, temperature)
        grad.narrow(0, a, n).add_(linear(z.t(), y.t()))   # not transposed in turn, as weight_gradient would: that is slow to add
        dy.add_(linear(z, part.t()))
    return dy


# ---------------------------------------------------------------------- layers

def scored_states(w: List[Tensor], cis: Tensor, ids: Tensor, positions: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor,
                  dims: List[int], eps: float) -> Tensor:
    """hidden states before the last norm of the packed tokens kept [M, H]; the last layer computes no others"""
    rotation = cis[positions][:, None]
    x = w[-2][ids]
    for i in range(dims[2]):
        qk, qkv = project(x, w, i, rotation, dims, eps)
        rows = kept if i == dims[2] - 1 else kept[:0]
        o = attention(qk, qkv, shapes, layout, rows, dims)
        if rows.numel() != 0:
            x = x[rows]
        x = finish(x, o, w, i, dims, eps)
    return x


class Decoder(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x

    @torch.jit.export
    def zeros(self, n: int, like: Tensor) -> Tensor:
        return torch.zeros([n], device=like.device)

    @torch.jit.export
    def clear(self, flat: Tensor) -> int:
        flat.zero_()
        return 0

    @torch.jit.export
    def put(self, flat: Tensor, at: int, rows: Tensor, rotary: int) -> int:
        """writes rows [n, width] into the flat parameters, in rotary pairs of `rotary` rows a head (0: as they are)"""
        if rotary != 0:
            rows = pairs_of_halves(rows, rotary)
        flat.narrow(0, at, rows.numel()).copy_(rows.reshape(-1))
        return 0

    @torch.jit.export
    def take(self, flat: Tensor, at: int, rows: int, n: int, rotary: int) -> Tensor:
        """the inverse of put: n values in so many rows"""
        t = flat.narrow(0, at, n).view(rows, -1)
        if rotary != 0:
            t = halves_of_pairs(t, rotary)
        return t.cpu().contiguous()

    @torch.jit.export
    def fold(self, flat: Tensor, dims: List[int]) -> List[Tensor]:
        """weights for train_forward and train_backward: packed, then of each layer what its backward needs besides"""
        f = folded(flat, dims)
        out = packed(f, dims)
        for i in range(dims[2]):
            out.extend(transposed_layer(f[6 * i], f[6 * i + 3], f[6 * i + 4], f[6 * i + 5]))
        return out + f[-3:]

    @torch.jit.export
    def pack(self, flat: Tensor, dims: List[int]) -> List[Tensor]:
        """weights for prefill, decode and score: packed, and their layers no views of flat"""
        f = folded(flat, dims)
        for i in range(dims[2]):
            for j in [1, 2, 3, 5]:
                f[6 * i + j] = f[6 * i + j].clone()
        return packed(f, dims) + f[-3:]

    @torch.jit.export
    def rotations(self, positions: int, D: int, theta: float, scaling: int, factor: float, low: float, high: float, original: int,
                  like: Tensor) -> Tensor:
        """complex [positions, D/2]: the rotation of each rotary pair. scaling 0 none, 1 linear, 2 llama3 (transformers' modeling_rope_utils)"""
        inv = 1.0 / torch.pow(theta, torch.arange(0, D, 2, dtype=torch.int64).to(torch.float32) / D)
        if scaling == 1:
            inv = inv / factor
        if scaling == 2:
            wave = 6.283185307179586 / inv
            slow = torch.where(wave > original / low, inv / factor, inv)
            smooth = (original / wave - low) / (high - low)
            between = (1.0 - smooth) * slow / factor + smooth * slow
            medium = (wave < original / high).logical_not().logical_and((wave > original / low).logical_not())
            inv = torch.where(medium, between, slow)
        angle = torch.outer(torch.arange(positions, dtype=torch.float32), inv)
        return torch.polar(torch.ones_like(angle), angle).to(like.device)

    # ------------------------------------------------------------------ sampling

    @torch.jit.export
    def cache(self, B: int, S: int, dims: List[int], like: Tensor) -> List[Tensor]:
        """keys and values of each layer in turn, [B, K, S, D]. Zeros, since what is masked must still be finite"""
        out: List[Tensor] = []
        for _ in range(2 * dims[2]):
            out.append(torch.zeros([B, dims[4], S, dims[5]], device=like.device))
        return out

    @torch.jit.export
    def reshape_cache(self, cache: List[Tensor], rows: Tensor, used: int, S: int) -> int:
        """replaces the cache, layer by layer, by one of S slots that holds the first `used` slots of the given rows"""
        for i in range(len(cache)):
            n = torch.zeros([rows.size(0), cache[i].size(1), S, cache[i].size(3)], device=rows.device)
            n[:, :, :used] = cache[i][:, :, :used].index_select(0, rows)
            cache[i] = n
        return 0

    @torch.jit.export
    def place(self, cache: List[Tensor], rows: Tensor, source: List[Tensor], source_rows: Tensor, used: int) -> int:
        """cache[rows] = source[source_rows] in the first `used` slots; source may be the cache itself"""
        for i in range(len(cache)):
            cache[i][:, :, :used].index_copy_(0, rows, source[i][:, :, :used].index_select(0, source_rows))
        return 0

    @torch.jit.export
    def prefill(self, w: List[Tensor], cis: Tensor, ids: Tensor, lengths: Tensor, dims: List[int], eps: float) -> List[Tensor]:
        """keys and values of each layer, [B, K, L, D], of sequences of these lengths [B] in ids [B, L], padded on the right"""
        B, L = ids.size(0), ids.size(1)
        Q, K, D = dims[3], dims[4], dims[5]
        places = computed_places(lengths, L)
        rotation = cis[places % L][:, None]
        x = w[-2][ids.flatten()[places]]
        layout = [torch.empty([0], dtype=torch.long, device=ids.device)] * 7
        begin = lengths.cumsum(0) - lengths
        layout.append(torch.stack([begin, lengths, begin, torch.zeros_like(begin)], 1))
        out: List[Tensor] = []
        for i in range(dims[2]):
            qk, qkv = project(x, w, i, rotation, dims, eps)
            for kv in [qk[:, Q:Q + K], qkv[:, Q + K:]]:
                padded = torch.zeros([B * L, K, D], device=ids.device)
                padded[places] = kv
                out.append(padded.view(B, L, K, D).transpose(1, 2))
            if i < dims[2] - 1:
                o = attention(qk, qkv, [B, L, L], layout, layout[0], dims)
                x = finish(x, o, w, i, dims, eps)
        return out

    @torch.jit.export
    def decode(self, w: List[Tensor], cache: List[Tensor], cis: Tensor, ids: Tensor, at: Tensor, prefixes: Tensor, last: int, uniform: Tensor,
               temperature: Tensor, filters: Tensor, dims: List[int], eps: float) -> Tuple[Tensor, Tensor]:
        """one token for each column of uniform [B, steps], the first from ids [B] at slots at [B], of which `last` is the greatest. A token
        is the inverse of the cumulative distribution at its uniform number, or where that is negative the likeliest. prefixes [B, 2]: a row
        whose first so many slots hold the same as this one's, and stay; of a row alone, itself and 0.
        temperature [B] (empty: 1). filters [B, 3] (empty: none) top-k, top-p, min-p.
        Returns tokens [steps, B], and log-probs, entropies, collision probabilities [steps, 3, B] of the unfiltered distribution"""
        B, steps = uniform.size(0), uniform.size(1)
        V, Q, K, D = dims[0], dims[3], dims[4], dims[5]
        S = cache[0].size(2)
        tokens = torch.empty([steps, B], dtype=torch.long, device=ids.device)
        stats = torch.empty([steps, 3, B], device=ids.device)
        least = (400 * K // (Q * D) + 16) // 16 * 16   # see Batching.slots
        least_chunk = 48 if V % 2 == 0 else 96
        chunk = B if B * V <= 1 << 23 else max(least_chunk, (1 << 22) // V // least_chunk * least_chunk)
        for step in range(steps):
            t = (at + step).clamp_(max=S - 1)   # a row that has ended runs on, in its own slots
            hidden = mask_of_slots(min(S, max(least, (last + step + 8) // 8 * 8)), t)
            rotation = cis[t][:, None]
            x = w[-2][ids]
            for i in range(dims[2]):
                qk, qkv = project(x, w, i, rotation, dims, eps)
                o = attend_cached(qk, qkv, cache[2 * i], cache[2 * i + 1], t, prefixes, hidden, dims)
                x = finish(x, o, w, i, dims, eps)
            x = normalised(x, eps) * w[-3]
            for a in range(0, B, chunk):
                e = min(a + chunk, B)
                z = linear_plain(x[a:e], w[-1])
                if temperature.numel() != 0:
                    z.div_(temperature[a:e, None])
                draw(z, filters, uniform, tokens, stats, step, a)
            ids = tokens[step]
        return tokens, stats

    # ------------------------------------------------------------------ scoring

    @torch.jit.export
    def score(self, w: List[Tensor], cis: Tensor, ids: Tensor, positions: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor,
              target: Tensor, temperature: float, chunk: int, dims: List[int], eps: float) -> Tensor:
        """log-prob, entropy, collision probability [3, M] of target [M], the tokens after those kept [M] of ids [N], packed as in
        train_forward"""
        x = scored_states(w, cis, ids, positions, shapes, layout, kept, dims, eps)
        out = torch.empty([3, kept.size(0)], device=ids.device)
        for a in range(0, kept.size(0), chunk):
            y = x[a:a + chunk]
            logp, entropy, collision, lse = head_statistics(normalised(y, eps) * w[-3], w[-1], target[a:a + chunk], temperature)
            out[0, a:a + chunk], out[1, a:a + chunk], out[2, a:a + chunk] = logp, entropy, collision
        return out

    @torch.jit.export
    def score_top(self, w: List[Tensor], cis: Tensor, ids: Tensor, positions: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor,
                  target: Tensor, temperature: float, chunk: int, k: int, dims: List[int], eps: float) -> Tuple[Tensor, Tensor, Tensor]:
        """as score: the k likeliest tokens and their log-probs [M, k], and how many tokens are likelier than target [M]"""
        x = scored_states(w, cis, ids, positions, shapes, layout, kept, dims, eps)
        tops: List[Tensor] = []
        logps: List[Tensor] = []
        ranks: List[Tensor] = []
        for a in range(0, kept.size(0), chunk):
            y = x[a:a + chunk]
            top, logp, rank = head_top(normalised(y, eps) * w[-3], w[-1], target[a:a + chunk], temperature, k)
            tops.append(top)
            logps.append(logp)
            ranks.append(rank)
        return torch.cat(tops), torch.cat(logps), torch.cat(ranks)

    # ------------------------------------------------------------------ learning

    @torch.jit.export
    def train_forward(self, w: List[Tensor], cis: Tensor, ids: Tensor, positions: Tensor, shapes: List[int], layout: List[Tensor],
                      kept: Tensor, target: Tensor, temperature: float, chunk: int, checkpointing: bool, dims: List[int],
                      eps: float) -> Tuple[Tensor, List[Tensor]]:
        """ids [N]: sequences one after the other; how they attend: see `gathered`. kept [M] are tokens whose followers target [M] are looked
        at; the last layer computes no others. Returns their log-probs and entropies [2, M], and what train_backward needs: with
        checkpointing only the input of each layer"""
        rotation = cis[positions][:, None]
        x = w[-2][ids]
        saved: List[Tensor] = []
        for i in range(dims[2]):
            rows = kept if i == dims[2] - 1 else kept[:0]
            if checkpointing:
                saved.append(x)
                dropped: List[Tensor] = []
                x = layer_forward(x, w, i, rotation, shapes, layout, rows, dims, eps, dropped)
            else:
                x = layer_forward(x, w, i, rotation, shapes, layout, rows, dims, eps, saved)
        x, r = normalise(x, eps)
        M = kept.size(0)
        out, lse = torch.empty([2, M], device=ids.device), torch.empty([M], device=ids.device)
        for a in range(0, M, chunk):
            e = min(a + chunk, M)
            logp, entropy, collision, l = head_statistics(x[a:e] * w[-3], w[-1], target[a:e], temperature)
            out[0, a:e], out[1, a:e], lse[a:e] = logp, entropy, l
        saved += [r, x, out[1], lse]
        return out, saved

    @torch.jit.export
    def train_backward(self, w: List[Tensor], cis: Tensor, ids: Tensor, positions: Tensor, shapes: List[int], layout: List[Tensor],
                       kept: Tensor, target: Tensor, coefficient: Tensor, entropy_coefficient: Tensor, temperature: float, chunk: int,
                       checkpointing: bool, saved: List[Tensor], grad: Tensor, dims: List[int], eps: float) -> int:
        """adds to grad (flat, of the folded weights: see `unfold`) the gradient of
        sum_m coefficient[m] * logp[m] + entropy_coefficient[m] * entropy[m]"""
        rotation = cis[positions][:, None]
        conjugate = rotation.conj_physical()
        g = views(grad, dims)
        r, h, entropy, lse = saved[-4], saved[-3], saved[-2], saved[-1]
        dh = torch.empty_like(h)
        for a in range(0, kept.size(0), chunk):
            e = min(a + chunk, kept.size(0))
            ec = entropy_coefficient if entropy_coefficient.numel() == 0 else entropy_coefficient[a:e]
            dh[a:e] = head_backward(h[a:e] * w[-3], w[-1], target[a:e], coefficient[a:e], ec, entropy[a:e], lse[a:e], temperature, g[-1])
        g[-3].add_((dh * h).sum(0))
        dx = norm_backward(torch.zeros_like(h), dh.mul_(w[-3]), h, r)
        each = saved_by_layer(shapes)
        for j in range(dims[2]):
            i = dims[2] - 1 - j
            rows = kept if j == 0 else kept[:0]
            if checkpointing:
                again: List[Tensor] = []
                layer_forward(saved[i], w, i, rotation, shapes, layout, rows, dims, eps, again)
                dx = layer_backward(dx, w, i, g, conjugate, shapes, layout, rows, dims, again, 0, eps)
            else:
                dx = layer_backward(dx, w, i, g, conjugate, shapes, layout, rows, dims, saved, each * i, eps)
        g[-2].index_add_(0, ids, dx)
        return 0

    @torch.jit.export
    def move_gradient(self, source: Tensor, into: Tensor, begin: int, end: int) -> int:
        """into[begin:end] += source[begin:end], which is cleared"""
        g = source.narrow(0, begin, end - begin)
        into.narrow(0, begin, end - begin).add_(g)
        g.zero_()
        return 0

    @torch.jit.export
    def unfold(self, flat: Tensor, grad: Tensor, dims: List[int]) -> int:
        """turns the gradient of the folded weights into that of the parameters, in place"""
        p, g = views(flat, dims), views(grad, dims)
        scale = query_scale(dims, flat)
        for i in range(dims[2]):
            if dims[9] == 0:
                g[9 * i + 1].mul_(scale[:, None])
                if dims[8] != 0:
                    g[9 * i + 2].mul_(scale)
            for j in [0, 6]:
                g[9 * i + j].copy_((g[9 * i + j + 1] * p[9 * i + j + 1]).sum(0))
                g[9 * i + j + 1].mul_(p[9 * i + j])
        return 0

    @torch.jit.export
    def norms(self, flat: Tensor, ranges: List[int]) -> Tensor:
        """Euclidean norm of each range (begin, length), in float64"""
        out = torch.empty([len(ranges) // 2], dtype=torch.float64)
        for j in range(len(ranges) // 2):
            out[j] = torch.linalg.vector_norm(flat.narrow(0, ranges[2 * j], ranges[2 * j + 1]), dtype=torch.float64).cpu()
        return out

    @torch.jit.export
    def adamw(self, flat: Tensor, grad: Tensor, m: Tensor, v: Tensor, begin: int, end: int, step: int, lr: float, beta1: float, beta2: float,
              eps: float, decay: float, scale: float) -> int:
        """one AdamW update of flat[begin:end] with the gradient times scale; zeroes that gradient"""
        n = end - begin
        adamw_update(flat.narrow(0, begin, n), grad.narrow(0, begin, n), m.narrow(0, begin, n), v.narrow(0, begin, n), step, lr, beta1, beta2, eps,
                     decay, scale)
        return 0

    # ------------------------------------------------------------------ adapters

    @torch.jit.export
    def adapted_weights(self, flat: Tensor, shapes: List[int]) -> Tensor:
        """the adapted matrices one after the other; shapes holds (begin in flat, out, in, rank) of each"""
        out: List[Tensor] = []
        for j in range(len(shapes) // 4):
            out.append(flat.narrow(0, shapes[4 * j], shapes[4 * j + 1] * shapes[4 * j + 2]))
        return torch.cat(out)

    @torch.jit.export
    def merge_adapter(self, flat: Tensor, base: Tensor, theta: Tensor, shapes: List[int], scales: List[float]) -> int:
        """W = W_base + s B A for each adapted matrix: base as adapted_weights gives it, theta each one's A [rank, in] and B [out, rank]"""
        at = 0
        base_at = 0
        for j in range(len(scales)):
            begin, out, n_in, rank = shapes[4 * j], shapes[4 * j + 1], shapes[4 * j + 2], shapes[4 * j + 3]
            A = theta.narrow(0, at, rank * n_in).view(rank, n_in)
            B = theta.narrow(0, at + rank * n_in, out * rank).view(out, rank)
            w = torch.addmm(base.narrow(0, base_at, out * n_in).view(out, n_in), B, A, alpha=scales[j])
            flat.narrow(0, begin, out * n_in).copy_(w.view(-1))
            at += rank * (n_in + out)
            base_at += out * n_in
        return 0

    @torch.jit.export
    def copy(self, flat: Tensor) -> Tensor:
        return flat.clone()

    @torch.jit.export
    def adapter_gradient(self, total: Tensor, theta: Tensor, shapes: List[int], scales: List[float], grad: Tensor) -> int:
        """adds to grad the gradient of the adapter, given that of the weights, and clears the latter: dA = s B' dW, dB = s dW A'"""
        at = 0
        for j in range(len(scales)):
            begin, out, n_in, rank = shapes[4 * j], shapes[4 * j + 1], shapes[4 * j + 2], shapes[4 * j + 3]
            A = theta.narrow(0, at, rank * n_in).view(rank, n_in)
            B = theta.narrow(0, at + rank * n_in, out * rank).view(out, rank)
            dw = total.narrow(0, begin, out * n_in).view(out, n_in)
            grad.narrow(0, at, rank * n_in).view(rank, n_in).add_(torch.mm(B.t(), dw), alpha=scales[j])
            grad.narrow(0, at + rank * n_in, out * rank).view(out, rank).add_(torch.mm(dw, A.t()), alpha=scales[j])
            at += rank * (n_in + out)
        total.zero_()
        return 0


if __name__ == "__main__":
    whole = io.BytesIO()
    torch.jit.save(torch.jit.script(Decoder()), whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(sys.argv[2], "w") as new:
        for entry in old.infolist():
            if not entry.filename.endswith(".debug_pkl"):   # source positions, with this machine's paths
                new.writestr(zipfile.ZipInfo(entry.filename), old.read(entry))
