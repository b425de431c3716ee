"""Decoders of the Llama kind as TorchScript: sampling with a KV cache, scoring, and a forward/backward pair written by hand.

    python decoder.py onednn decoder-onednn.pt     # Linux on x86-64: kernels.c; products of the head and of learning by oneDNN
    python decoder.py aten decoder-aten.pt         # every other device, and the reference for the first
    python decoder.py bfloat16 decoder-bfloat16.pt # autocast: dense products of bfloat16 operands, everything else float32

Any torch from 2.7 with torch.jit compiles it; the archives load in libtorch 2.7.1.

Letters: N tokens, B rows x L positions, H hidden, I intermediate, Q query heads, K key/value heads, G = Q / K, D head_dim,
V vocabulary, S cache slots. dims = [V, H, layers, Q, K, D, I, tied, bias, qknorm].
oneDNN generates AVX-512 on every CPU that has it, where MKL (aten::linear, mm) falls back to AVX2 on CPUs that are not Intel's; its
operator has no autograd, hence the backward by hand.
Query/key rows of wqkv, their biases and norms are stored in rotary pairs (0, D/2, 1, D/2+1, ...), so that RoPE is one complex product.

A row's bits must not depend on its neighbours. Our own operators see to that; for oneDNN's products: none but of multiples of 48 rows (without
AVX-512 it takes six rows at a time, and adds up the rest in another order); for libtorch's: none of fewer than 16 rows. Where attention and exp
are libtorch's: each row's keys begin at slot 0; widths are multiples of 8 with exact zeros beyond a row's own; batched products have at least two
members and 400 multiplications each; element counts of exp are multiples of 32.
"""
import io
import os
import sys
import zipfile
from typing import List, Tuple

import torch
from torch import Tensor

KIND = sys.argv[1] if len(sys.argv) > 1 else "onednn"

if KIND == "onednn":
    torch.ops.load_library(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                        "../../../../native/linux-x86_64/libforkpoint_kernels.so"))

    def normalised(x: Tensor, eps: float) -> Tensor:
        """x / its root mean square [N, H]"""
        y = torch.empty_like(x)
        torch.ops.forkpoint.normalise(x, y, torch.empty([0]), eps)
        return y

    def normalise(x: Tensor, eps: float) -> Tuple[Tensor, Tensor]:
        """y = x r and r = inverse_rms(x)"""
        y, r = torch.empty_like(x), torch.empty([x.size(0), 1])
        torch.ops.forkpoint.normalise(x, y, r, eps)
        return y, r

    def norm_backward(dx: Tensor, dy: Tensor, y: Tensor, r: Tensor) -> Tensor:
        """dx, overwritten, + the gradient through y = x * r, r = inverse_rms(x)"""
        torch.ops.forkpoint.normalise_backward(dx, dy, y, r)
        return dx

    def gated(gu: Tensor) -> Tensor:
        """silu(gate) * up of gu [N, 2 I], gate and up side by side"""
        out = torch.empty([gu.size(0), gu.size(1) // 2])
        torch.ops.forkpoint.gated(gu, out)
        return out

    def gated_backward(d: Tensor, gu: Tensor) -> Tuple[Tensor, Tensor]:
        """the gradient of gu for that of gated(gu), and gated(gu) again"""
        dgu, out = torch.empty_like(gu), torch.empty_like(d)
        torch.ops.forkpoint.gated_backward(d, gu, dgu, out)
        return dgu, out

    def head_sums(z: Tensor, target: Tensor, sums: Tensor, first: int, temperature: float):
        """adds a block of logits z [M, n], of the words from `first`, to sums [5, M]: the largest logit / temperature so far, the sum of e^(z -
        largest), that weighted by z - largest, that of squares, and the target's logit. first = 0 begins"""
        torch.ops.forkpoint.head_sums(z, target, sums, first, temperature)

    def head_gradient(z: Tensor, target: Tensor, coefficient: Tensor, entropy_coefficient: Tensor, entropy: Tensor, lse: Tensor, first: int,
                      temperature: float) -> Tensor:
        """of such a block, overwritten: see head_backward"""
        torch.ops.forkpoint.head_gradient(z, target, coefficient, entropy_coefficient, entropy, lse, first, temperature)
        return z

    def adamw_update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, step: int, lr: float, beta1: float, beta2: float, eps: float, decay: float,
                     scale: float):
        torch.ops.forkpoint.adamw(p, g, m, v, step, lr, beta1, beta2, eps, decay, scale)

    def rotate(x: Tensor, cis: Tensor) -> Tensor:
        """x [N, heads, D] in rotary pairs, which may be overwritten, cis complex [N, 1, D/2]"""
        y = x.contiguous()
        torch.ops.forkpoint.position(y, torch.empty([0]), torch.view_as_real(cis), 0, 0.0)
        return y

    def attend_cached(qk: Tensor, qkv: Tensor, k: Tensor, v: Tensor, at: Tensor, prefixes: Tensor, hidden: Tensor, dims: List[int]) -> Tensor:
        """attention of positioned queries, one a row, to a cache k, v [B, K, S, D], after their keys and values have gone into its slots at [B];
        [B, Q D]. prefixes: see decode. hidden [B, 1, W] is the mask; where it is not needed, empty"""
        out = torch.empty([qkv.size(0), dims[3] * dims[5]])
        torch.ops.forkpoint.attend_cached(qkv, k, v, at, prefixes, torch.empty([k.size(2)]), out)
        return out

    def longest(shapes: List[int]) -> int:
        most = 0
        for j in range(len(shapes) // 3):
            most = max(most, shapes[3 * j + 1])
        return (most + 7) // 8 * 8

    def attention(qk: Tensor, qkv: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor, dims: List[int], save: bool,
                  saved: List[Tensor]) -> Tensor:
        """of packed tokens, as `positioned` gives them -> [N or M, Q D], of the tokens kept [M] (empty: all). With save appends to saved what
        attention_backward needs"""
        N, Q, K, D = qk.size(0), dims[3], dims[4], dims[5]
        L = longest(shapes)
        out = torch.empty([N, Q * D])
        lse = torch.empty([N, Q] if save else [0])
        torch.ops.forkpoint.attend_packed(qk, qkv, layout[7], out, lse, torch.empty([L * (2 * D + 16)]), K, L)
        if save:
            saved.extend([qk, qkv, lse])
        return out if kept.numel() == 0 else out[kept]

    def saved_by_attention(shapes: List[int]) -> int:
        return 3

    def attention_backward(do: Tensor, saved: List[Tensor], s: int, shapes: List[int], layout: List[Tensor], dims: List[int],
                           dqkv: Tensor) -> Tensor:
        """do [N, Q D] -> the gradient of qk [N, Q + K, D]; that of values goes to the last K of dqkv [N, Q + 2 K, D]. saved[s...] is what
        attention appended"""
        Q, K, D = dims[3], dims[4], dims[5]
        L = longest(shapes)
        dqk = torch.zeros([do.size(0), Q + K, D])
        dqkv.zero_()
        torch.ops.forkpoint.attend_packed_backward(saved[s], saved[s + 1], layout[7], do, saved[s + 2], dqk, dqkv,
                                                   torch.empty([L * (4 * D + 32)]), K, L)
        return dqk

    def mask_of_slots(W: int, at: Tensor) -> Tensor:
        return torch.empty([0])

    def computed_places(lengths: Tensor, L: int) -> Tensor:
        """the places among [B, L] that are computed for sequences of these lengths [B]: here none past a sequence's end"""
        return (torch.arange(L) < lengths[:, None]).flatten().nonzero()[:, 0]

    def draw(z: Tensor, filters: Tensor, uniform: Tensor, tokens: Tensor, stats: Tensor, step: int, first: int):
        """see draw_in_pieces"""
        if filters.numel() == 0:
            torch.ops.forkpoint.draw(z, uniform, tokens, stats, step, first)
        else:
            draw_in_pieces(z, filters, uniform, tokens, stats, step, first)

    def linear(x: Tensor, w: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, w, None, "none", [], "")

    def linear_bias(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        if b.numel() == 0:
            return torch.ops.mkldnn._linear_pointwise(x, w, None, "none", [], "")
        return torch.ops.mkldnn._linear_pointwise(x, w, b, "none", [], "")

    def linear_add(x: Tensor, w: Tensor, other: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, other, w, None, "add")

    def panels(w: Tensor, rows: int) -> Tensor:
        """w [N, K], so many of its rows at a time, side by side: [ceil(N / rows), K, rows], those past N zero"""
        n = (w.size(0) + rows - 1) // rows
        padded = torch.zeros([n * rows, w.size(1)])
        padded[:w.size(0)] = w
        return padded.view(n, rows, w.size(1)).transpose(1, 2).contiguous()

    def packed_layer(wqkv: Tensor, wo: Tensor, wgu: Tensor, wd: Tensor) -> List[Tensor]:
        I = wgu.size(0) // 2
        return [panels(wqkv, 16), panels(wo, 16), torch.cat([panels(wgu[:I], 8), panels(wgu[I:], 8)], 2), panels(wd, 16)]

    def project(x: Tensor, w: List[Tensor], i: int, rotation: Tensor, dims: List[int], eps: float) -> Tuple[Tensor, Tensor]:
        """normed and rotated queries and keys [N, Q + K or more, D] of x [N, H]; what has the values, in the last K of [N, Q + 2 K, D].
        96: TOGETHER of kernels.c, here and below"""
        qkv = torch.empty([x.size(0), dims[3] + 2 * dims[4], dims[5]])
        torch.ops.forkpoint.project(x, w[6 * i], w[6 * i + 4], w[6 * i + 5], torch.view_as_real(rotation), torch.empty([96, x.size(1)]), qkv,
                                    dims[4], eps)
        return qkv, qkv

    def finish(x: Tensor, o: Tensor, w: List[Tensor], i: int, dims: List[int], eps: float) -> Tensor:
        """the rest of a layer: x [N, H], which may be overwritten, and attention's o [N, Q D]"""
        torch.ops.forkpoint.finish(x, o, w[6 * i + 1], w[6 * i + 2], w[6 * i + 3], torch.empty([96, dims[1] + dims[6]]), eps)
        return x
else:
    def normalised(x: Tensor, eps: float) -> Tensor:
        return x * inverse_rms(x, eps)

    def normalise(x: Tensor, eps: float) -> Tuple[Tensor, Tensor]:
        r = inverse_rms(x, eps)
        return x * r, r

    def norm_backward(dx: Tensor, dy: Tensor, y: Tensor, r: Tensor) -> Tensor:
        s = (dy * y).sum(-1, True).mul_(-1.0 / y.size(-1))
        return torch.addcmul(dx, torch.addcmul(dy, y, s), r)

    def gated(gu: Tensor) -> Tensor:
        gate, up = gu.chunk(2, -1)
        return torch.nn.functional.silu(gate).mul_(up)

    def gated_backward(d: Tensor, gu: Tensor) -> Tuple[Tensor, Tensor]:
        gate, up = gu.chunk(2, -1)
        act = torch.nn.functional.silu(gate)
        return torch.cat([torch.ops.aten.silu_backward(d * up, gate), d * act], -1), act.mul_(up)

    def head_sums(z: Tensor, target: Tensor, sums: Tensor, first: int, temperature: float):
        n = z.size(1)
        if temperature != 1.0:
            z = z * (1.0 / temperature)
        m = z.amax(-1)
        local = target - first
        inside = (local >= 0).logical_and_(local < n)
        picked = z.gather(-1, local.clamp(0, n - 1)[:, None])[:, 0]
        if first == 0:
            sums.zero_()
        else:
            m = torch.maximum(m, sums[0])
            d = sums[0] - m
            f = d.exp()
            sums[2].add_(sums[1] * d).mul_(f)
            sums[1].mul_(f)
            sums[3].mul_(f).mul_(f)
        z = z - m[:, None]
        e = z.exp()
        sums[0] = m
        sums[1].add_(e.sum(-1))
        sums[3].add_(torch.linalg.vector_norm(e, 2, [-1]).square_())
        sums[2].add_(z.mul_(e).sum(-1))
        sums[4] = torch.where(inside, picked, sums[4])

    def head_gradient(z: Tensor, target: Tensor, coefficient: Tensor, entropy_coefficient: Tensor, entropy: Tensor, lse: Tensor, first: int,
                      temperature: float) -> Tensor:
        n = z.size(1)
        c = (coefficient / temperature)[:, None]
        if temperature != 1.0:
            z.mul_(1.0 / temperature)
        z.sub_(lse[:, None])
        if entropy_coefficient.numel() == 0:
            z.exp_().mul_(-c)
        else:
            e = (entropy_coefficient / temperature)[:, None]
            p = z.exp()
            z.add_(entropy[:, None]).mul_(-e).sub_(c).mul_(p)
        local = target[:, None] - first
        inside = (local >= 0).logical_and_(local < n)
        return z.scatter_add_(-1, local.clamp(0, n - 1), torch.where(inside, c, torch.zeros_like(c)))

    def adamw_update(p: Tensor, g: Tensor, m: Tensor, v: Tensor, step: int, lr: float, beta1: float, beta2: float, eps: float, decay: float,
                     scale: float):
        """block by block, so that the passes over each stay in cache. Not _fused_adamw_: it takes lists, TorchScript sees nothing of its
        writes, and removes the call"""
        block = 1 << 15
        for a in range(0, p.size(0), block):
            n = min(block, p.size(0) - a)
            p1, g1, m1, v1 = p.narrow(0, a, n), g.narrow(0, a, n), m.narrow(0, a, n), v.narrow(0, a, n)
            g1.mul_(scale)
            m1.lerp_(g1, 1.0 - beta1)
            v1.mul_(beta2).addcmul_(g1, g1, value=1.0 - beta2)
            deviation = v1.sqrt().mul_((1.0 - beta2 ** step) ** -0.5).add_(eps)
            p1.mul_(1.0 - lr * decay).addcdiv_(m1, deviation, value=-lr / (1.0 - beta1 ** step))
            g1.zero_()

    def computed_places(lengths: Tensor, L: int) -> Tensor:
        return torch.arange(lengths.size(0) * L, device=lengths.device)

    def mask_of_slots(W: int, at: Tensor) -> Tensor:
        return hide(torch.arange(W, device=at.device) > at[:, None])[:, None]

    def rotate(x: Tensor, cis: Tensor) -> Tensor:
        pairs = torch.view_as_complex(x.unflatten(-1, [x.size(-1) // 2, 2]))
        return torch.view_as_real(pairs * cis).flatten(-2)

    def project(x: Tensor, w: List[Tensor], i: int, rotation: Tensor, dims: List[int], eps: float) -> Tuple[Tensor, Tensor]:
        Q, K, D = dims[3], dims[4], dims[5]
        qkv = linear_bias(normalised(x, eps), w[6 * i], w[6 * i + 4]).view(x.size(0), Q + 2 * K, D)
        qk = qkv[:, :Q + K]
        if dims[9] != 0:
            qk = qk * inverse_rms(qk, eps) * w[6 * i + 5]
        return rotate(qk, rotation), qkv

    def finish(x: Tensor, o: Tensor, w: List[Tensor], i: int, dims: List[int], eps: float) -> Tensor:
        x = linear_add(o, w[6 * i + 1], x)
        return linear_add(gated(linear(normalised(x, eps), w[6 * i + 2])), w[6 * i + 3], x)

    def attend_cached(qk: Tensor, qkv: Tensor, k: Tensor, v: Tensor, at: Tensor, prefixes: Tensor, hidden: Tensor, dims: List[int]) -> Tensor:
        B, W = qkv.size(0), hidden.size(2)
        Q, K, D = dims[3], dims[4], dims[5]
        rows = torch.arange(B, device=at.device)
        k[rows, :, at] = qk[:, Q:]
        v[rows, :, at] = qkv[:, Q + K:]
        s = torch.bmm(qk[:, :Q].reshape(B * K, Q // K, D), k[:B, :, :W].flatten(0, 1).transpose(1, 2))
        s.view(B, Q, W).add_(hidden)
        return torch.bmm(torch.softmax(s, -1), v[:B, :, :W].flatten(0, 1)).view(B, Q * D)

    def attention(qk: Tensor, qkv: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor, dims: List[int], save: bool,
                  saved: List[Tensor]) -> Tensor:
        Q, K, D = dims[3], dims[4], dims[5]
        parts: List[Tensor] = []
        at, query_at = 0, 0
        for j in range(len(shapes) // 3):
            B, L, n = shapes[3 * j], shapes[3 * j + 1], shapes[3 * j + 2]
            q = gathered(qk[:, :Q], layout[0], query_at, B, n, K)
            k, v = gathered(qk[:, Q:], layout[1], at, B, L, K), gathered(qkv[:, Q + K:], layout[1], at, B, L, K)
            o, p = attend(q, k, v, n, Q)
            parts.append(ungrouped(o, B, n, K).reshape(B * n, Q * D))
            if save:
                saved.extend([q, k, v, p])
            at += B * L
            query_at += B * n
        place = layout[2]
        if kept.numel() != 0:
            place = kept if place.numel() == 0 else place[kept]
        return scattered(parts, place)

    def saved_by_attention(shapes: List[int]) -> int:
        return 4 * (len(shapes) // 3)

    def attention_backward(do: Tensor, saved: List[Tensor], s: int, shapes: List[int], layout: List[Tensor], dims: List[int],
                           dqkv: Tensor) -> Tensor:
        Q, K, D = dims[3], dims[4], dims[5]
        do = do.view(-1, Q, D)
        valid = layout[6]
        dq_parts: List[Tensor] = []
        dk_parts: List[Tensor] = []
        dv_parts: List[Tensor] = []
        query_at = 0
        for j in range(len(shapes) // 3):
            B, L, n = shapes[3 * j], shapes[3 * j + 1], shapes[3 * j + 2]
            part = gathered(do, layout[0], query_at, B, n, K)
            if valid.numel() != 0:   # a padded place reads some token's gradient, which is not its own
                part = part.view(B, K, Q // K, n, D).mul_(valid.narrow(0, query_at, B * n).view(B, 1, 1, n, 1)).view(B * K, -1, D)
            b = s + 4 * j
            dq, dk, dv = attend_backward(part, saved[b], saved[b + 1], saved[b + 2], saved[b + 3], n, Q)
            dq_parts.append(ungrouped(dq, B, n, K))
            dk_parts.append(ungrouped(dk, B, L, K))
            dv_parts.append(ungrouped(dv, B, L, K))
            query_at += B * n
        dqkv[:, Q + K:] = summed(dv_parts, layout)
        return torch.cat([scattered(dq_parts, layout[2]), summed(dk_parts, layout)], 1)

    def draw(z: Tensor, filters: Tensor, uniform: Tensor, tokens: Tensor, stats: Tensor, step: int, first: int):
        draw_in_pieces(z, filters, uniform, tokens, stats, step, first)

    if KIND == "bfloat16":
        def linear(x: Tensor, w: Tensor) -> Tensor:
            return torch.nn.functional.linear(x.to(torch.bfloat16), w.to(torch.bfloat16)).to(torch.float32)
    else:
        def linear(x: Tensor, w: Tensor) -> Tensor:
            return torch.nn.functional.linear(x, w)

    def linear_bias(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        if b.numel() == 0:
            return linear(x, w)
        return linear(x, w).add_(b)

    def linear_add(x: Tensor, w: Tensor, other: Tensor) -> Tensor:
        return linear(x, w).add_(other)

    def packed_layer(wqkv: Tensor, wo: Tensor, wgu: Tensor, wd: Tensor) -> List[Tensor]:
        return [wqkv, wo.clone(), wgu, wd.clone()]


def linear_plain(x: Tensor, w: Tensor) -> Tensor:
    """x w': the bits of a row do not depend on how many there are"""
    rows = x.size(0)
    whole = (rows + 47) // 48 * 48
    if whole == rows:
        return linear(x, w)
    padded = torch.zeros([whole, x.size(1)], device=x.device)
    padded[:rows] = x
    return linear(padded, w)[:rows]


def weight_gradient(dy: Tensor, x: Tensor) -> Tensor:
    """dy' x. The first operand of a product is copied when it is transposed, so that is the narrower one"""
    if dy.size(1) <= x.size(1):
        return linear(dy.t(), x.t())
    return linear(x.t(), dy.t()).t()


def inverse_rms(x: Tensor, eps: float) -> Tensor:
    return torch.linalg.vector_norm(x, 2, [-1], True).square_().mul_(1.0 / x.size(-1)).add_(eps).rsqrt_()


def hide(hidden: Tensor) -> Tensor:
    """an additive mask; finite, so that a fully hidden row does not become NaN"""
    return hidden.to(torch.float32).mul_(-1e30)


def causal_mask(first: int, last: int, G: int, like: Tensor) -> Tensor:
    """queries first..last-1 against keys 0..last-1, [G * (last - first), last]"""
    return hide(torch.ones([last - first, last], device=like.device).triu_(first + 1)).repeat(G, 1)


def grouped(x: Tensor, B: int, L: int, K: int) -> Tensor:
    """[N, heads, D] -> [B*K, G*L, D]: the query heads of one key/value head lie side by side"""
    G, D = x.size(1) // K, x.size(2)
    return x.reshape(B, L, K, G, D).permute(0, 2, 3, 1, 4).reshape(B * K, G * L, D)


def ungrouped(x: Tensor, B: int, L: int, K: int) -> Tensor:
    """the inverse of grouped: -> [N, heads, D]"""
    G, D = x.size(1) // L, x.size(2)
    return x.view(B, K, G, L, D).permute(0, 3, 1, 2, 4).reshape(B * L, K * G, D)


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


# ---------------------------------------------------------------------- attention over whole sequences

def query_block(L: int, Q: int) -> int:
    """queries computed at once: all of a short sequence, else so many that their scores take about 16 MiB"""
    if L <= 512:
        return L
    return max(16, min(256, (1 << 22) // (Q * L) // 16 * 16))


def attend(q: Tensor, k: Tensor, v: Tensor, n: int, Q: int) -> Tuple[Tensor, Tensor]:
    """causal attention of q [B*K, G*n, D], the last n of the places of k and v [B*K, L, D]; the probabilities too when they are computed in
    one piece, else an empty tensor"""
    G, L = q.size(1) // n, k.size(1)
    first = L - n
    step = query_block(L, Q)
    if step >= n:
        p = torch.softmax(torch.baddbmm(causal_mask(first, L, G, q), q, k.transpose(1, 2)), -1)
        return torch.bmm(p, v), p
    q4 = q.view(q.size(0), G, n, -1)
    out = torch.empty_like(q4)
    for a in range(0, n, step):
        e = min(a + step, n)
        part = q4[:, :, a:e].reshape(q.size(0), G * (e - a), -1)
        p = torch.softmax(torch.baddbmm(causal_mask(first + a, first + e, G, q), part, k[:, :first + e].transpose(1, 2)), -1)
        out[:, :, a:e] = torch.bmm(p, v[:, :first + e]).view(q.size(0), G, e - a, -1)
    return out.view_as(q), torch.empty([0])


def attend_backward(do: Tensor, q: Tensor, k: Tensor, v: Tensor, p: Tensor, n: int, Q: int) -> Tuple[Tensor, Tensor, Tensor]:
    if p.numel() != 0:
        ds = torch._softmax_backward_data(torch.bmm(do, v.transpose(1, 2)), p, -1, torch.float32)
        return torch.bmm(ds, k), torch.bmm(ds.transpose(1, 2), q), torch.bmm(p.transpose(1, 2), do)
    G, L = q.size(1) // n, k.size(1)
    first = L - n
    step = query_block(L, Q)
    q4, do4 = q.view(q.size(0), G, n, -1), do.view(q.size(0), G, n, -1)
    dq, dk, dv = torch.empty_like(q4), torch.zeros_like(k), torch.zeros_like(v)
    for a in range(0, n, step):
        e = min(a + step, n)
        qa = q4[:, :, a:e].reshape(q.size(0), G * (e - a), -1)
        da = do4[:, :, a:e].reshape(q.size(0), G * (e - a), -1)
        seen = first + e
        pa = torch.softmax(torch.baddbmm(causal_mask(first + a, seen, G, q), qa, k[:, :seen].transpose(1, 2)), -1)
        ds = torch._softmax_backward_data(torch.bmm(da, v[:, :seen].transpose(1, 2)), pa, -1, torch.float32)
        dv[:, :seen].add_(torch.bmm(pa.transpose(1, 2), da))
        dq[:, :, a:e] = torch.bmm(ds, k[:, :seen]).view(q.size(0), G, e - a, -1)
        dk[:, :seen].add_(torch.bmm(ds.transpose(1, 2), qa))
    return dq.view_as(q), dk, dv


# Packed tokens attend in groups of rows. layout = [queries, keys, query_place, key_place, twins, twin_tokens, valid, rows]; shapes holds (B, L, n) of
# each group: B rows of L keys, whose last n places are queries. queries and keys name the token in each such place of all groups, query_place
# and key_place the place of each token. A token that is a key in more rows than its own (a prompt that responses share) has its other places
# in twins [.] and its number beside it in twin_tokens. valid is 0 where a query's place is filled only to pad. All seven empty: tokens lie in the
# order of the places. rows [R, 4] is what our own operators need, and no more: where a row's own tokens begin and how many they are, and the same of
# those before them, its prompt's, which are keys of it too.

def gathered(x: Tensor, index: Tensor, at: int, B: int, n: int, K: int) -> Tensor:
    """the tokens of one attention group out of the packed ones, as `grouped`"""
    if index.numel() == 0:
        return grouped(x.narrow(0, at, B * n), B, n, K)
    return grouped(x.index_select(0, index.narrow(0, at, B * n)), B, n, K)


def scattered(parts: List[Tensor], place: Tensor) -> Tensor:
    """the inverse of gathered, over all groups"""
    whole = parts[0] if len(parts) == 1 else torch.cat(parts)
    if place.numel() == 0:
        return whole
    return whole.index_select(0, place)


def summed(parts: List[Tensor], layout: List[Tensor]) -> Tensor:
    """scattered, of gradients of keys or values: those of a token's other places are added"""
    out = scattered(parts, layout[3])
    if layout[4].numel() == 0:
        return out
    whole = parts[0] if len(parts) == 1 else torch.cat(parts)
    return out.index_add_(0, layout[5], whole.index_select(0, layout[4]))


# ---------------------------------------------------------------------- layers

def scored_states(w: List[Tensor], cis: Tensor, ids: Tensor, positions: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor,
                  dims: List[int], eps: float) -> Tensor:
    """hidden states before the last norm of the packed tokens kept [M, H]; the last layer computes no others"""
    rotation = cis[positions][:, None]
    none: List[Tensor] = []
    x = w[-2][ids]
    for i in range(dims[2]):
        qk, qkv = project(x, w, i, rotation, dims, eps)
        rows = kept if i == dims[2] - 1 else kept[:0]
        o = attention(qk, qkv, shapes, layout, rows, dims, False, none)
        if rows.numel() != 0:
            x = x[rows]
        x = finish(x, o, w, i, dims, eps)
    return x


def layer_forward(x: Tensor, w: List[Tensor], i: int, rotation: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor,
                  dims: List[int], eps: float, saved: List[Tensor]) -> Tensor:
    """appends to saved r1, h1, r, y, o, r2, h2, gu, then what attention does. Past the keys and values, only the tokens kept
    [M] are computed (empty: all)"""
    N = x.size(0)
    Q, K, D, I = dims[3], dims[4], dims[5], dims[6]
    h1, r1 = normalise(x, eps)
    if kept.numel() == 0:
        qkv = linear_bias(h1, w[6 * i], w[6 * i + 1])
    else:
        qkv = torch.zeros([N, (Q + 2 * K) * D], device=x.device)
        bias = w[6 * i + 1]
        split = Q * D * dims[8]
        qkv[:, Q * D:] = linear_bias(h1, w[6 * i][Q * D:], bias[split:])
        qkv[kept, :Q * D] = linear_bias(h1[kept], w[6 * i][:Q * D], bias[:split])
    qkv = qkv.view(N, Q + 2 * K, D)
    qk = qkv[:, :Q + K]
    r, y = torch.empty([0]), torch.empty([0])
    if dims[9] != 0:
        r = inverse_rms(qk, eps)
        y = qk * r
        qk = y * w[6 * i + 2]
    qk = rotate(qk, rotation)
    attended: List[Tensor] = []
    o = attention(qk, qkv, shapes, layout, kept, dims, True, attended)
    if kept.numel() != 0:
        x = x[kept]
    x = linear_add(o, w[6 * i + 3], x)
    h2, r2 = normalise(x, eps)
    gu = linear(h2, w[6 * i + 4])
    saved.extend([r1, h1, r, y, o, r2, h2, gu])   # += would make a new list
    saved.extend(attended)
    return linear_add(gated(gu), w[6 * i + 5], x)


def layer_backward(dx: Tensor, w: List[Tensor], i: int, g: List[Tensor], rotation: Tensor, shapes: List[int], layout: List[Tensor],
                   kept: Tensor, dims: List[int], saved: List[Tensor], s: int) -> Tensor:
    """adds the layer's gradients to g; saved[s...] is what layer_forward kept; rotation is conjugated. kept may name a token twice only where
    the gradient is zero"""
    Q, K, D, I = dims[3], dims[4], dims[5], dims[6]
    r1, h1, r, y, o, r2, h2, gu = saved[s], saved[s + 1], saved[s + 2], saved[s + 3], saved[s + 4], saved[s + 5], saved[s + 6], saved[s + 7]
    N = h1.size(0)
    # x += Wd (silu(gate) * up)
    dgu, act = gated_backward(linear(dx, w[6 * i + 5].t()), gu)
    g[9 * i + 8].add_(weight_gradient(dx, act))
    g[9 * i + 7].add_(weight_gradient(dgu, h2))
    dx = norm_backward(dx, linear(dgu, w[6 * i + 4].t()), h2, r2)
    # x += Wo softmax(q k') v
    g[9 * i + 5].add_(weight_gradient(dx, o))
    do_all = linear(dx, w[6 * i + 3].t())
    if kept.numel() != 0:
        do_all = torch.zeros([N, Q * D], device=dx.device).index_copy_(0, kept, do_all)
        dx = torch.zeros_like(h1).index_copy_(0, kept, dx)
    dqkv = torch.empty([N, Q + 2 * K, D], device=dx.device)
    dqk = rotate(attention_backward(do_all, saved, s + 8, shapes, layout, dims, dqkv), rotation)
    if dims[9] != 0:
        dn = (dqk * y).sum(0)
        g[9 * i + 3].add_(dn[:Q].sum(0).mul_(float(D) ** -0.5))
        g[9 * i + 4].add_(dn[Q:].sum(0))
        dqk.mul_(w[6 * i + 2])
        inner = (dqk * y).sum(-1, True).mul_(-1.0 / D)
        torch.mul(torch.addcmul(dqk, y, inner), r, out=dqkv[:, :Q + K])
    else:
        dqkv[:, :Q + K] = dqk
    dq2 = dqkv.view(N, -1)
    if dims[8] != 0:
        g[9 * i + 2].add_(dq2.sum(0))
    if kept.numel() == 0:
        g[9 * i + 1].add_(weight_gradient(dq2, h1))
        return norm_backward(dx, linear(dq2, w[6 * i].t()), h1, r1)
    dq, dkv = dq2[kept, :Q * D], dq2[:, Q * D:].contiguous()
    g[9 * i + 1][:Q * D].add_(weight_gradient(dq, h1[kept]))
    g[9 * i + 1][Q * D:].add_(weight_gradient(dkv, h1))
    dh = linear(dkv, w[6 * i][Q * D:].t()).index_add_(0, kept, linear(dq, w[6 * i][:Q * D].t()))
    return norm_backward(dx, dh, h1, r1)


def filtered(p: Tensor, filters: Tensor) -> Tensor:
    """p [R, V] with zeros where top-k, top-p or min-p (columns of filters [R, 3]) hide a token; each on what the one before left"""
    ordered, order = torch.sort(p, stable=True, dim=-1, descending=True)
    keep = torch.arange(p.size(1), device=p.device) < filters[:, 0:1]
    left = ordered * keep
    before = left.cumsum(-1) - left
    keep = keep.logical_and((before < filters[:, 1:2] * left.sum(-1, True)).logical_or(filters[:, 1:2] >= 1.0))
    keep = keep.logical_and(ordered >= filters[:, 2:3] * ordered[:, 0:1])
    keep[:, 0] = True
    return p * torch.zeros_like(p).scatter_(-1, order, keep.to(p.dtype))


def draw_in_pieces(z: Tensor, filters: Tensor, uniform: Tensor, tokens: Tensor, stats: Tensor, step: int, first: int):
    """a step's tokens [steps, B] of rows first... by their logits z [M, V]: the inverse of the cumulative distribution, filtered, at uniform
    [B, steps], or, where that is negative, the likeliest. Their log-probs, and the entropies and collision probabilities of the unfiltered
    distribution, go to stats [steps, 3, B]"""
    last = first + z.size(0)
    logp = torch.log_softmax(z, -1)
    p = logp.exp()
    stats[step, 1, first:last] = (p * logp).sum(-1).neg_()
    stats[step, 2, first:last] = torch.linalg.vector_norm(p, 2, [-1]).square_()
    if filters.numel() != 0:
        p = filtered(p, filters[first:last])
    c = p.cumsum(-1)
    u = uniform[first:last, step:step + 1]
    drawn = torch.searchsorted(c, u * c[:, -1:], right=True).clamp_(max=z.size(1) - 1)
    drawn = torch.where(u < 0, z.argmax(-1, True), drawn)
    tokens[step, first:last] = drawn[:, 0]
    stats[step, 0, first:last] = logp.gather(-1, drawn)[:, 0]


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
        """weights for train_forward and train_backward"""
        return folded(flat, dims)

    @torch.jit.export
    def pack(self, flat: Tensor, dims: List[int]) -> List[Tensor]:
        """weights for prefill, decode and score: as folded, matrices as `packed_layer` wants them; of each layer four of these, then the bias
        and the norm of its projections"""
        f = folded(flat, dims)
        out: List[Tensor] = []
        for i in range(dims[2]):
            out.extend(packed_layer(f[6 * i], f[6 * i + 3], f[6 * i + 4], f[6 * i + 5]))
            out += [f[6 * i + 1].clone(), f[6 * i + 2].clone()]
        return out + f[-3:]

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
        none: List[Tensor] = []
        out: List[Tensor] = []
        for i in range(dims[2]):
            qk, qkv = project(x, w, i, rotation, dims, eps)
            for kv in [qk[:, Q:Q + K], qkv[:, Q + K:]]:
                padded = torch.zeros([B * L, K, D], device=ids.device)
                padded[places] = kv
                out.append(padded.view(B, L, K, D).transpose(1, 2))
            if i < dims[2] - 1:
                o = attention(qk, qkv, [B, L, L], layout, layout[0], dims, False, none)
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
        each = 8 + saved_by_attention(shapes)
        for j in range(dims[2]):
            i = dims[2] - 1 - j
            rows = kept if j == 0 else kept[:0]
            if checkpointing:
                again: List[Tensor] = []
                layer_forward(saved[i], w, i, rotation, shapes, layout, rows, dims, eps, again)
                dx = layer_backward(dx, w, i, g, conjugate, shapes, layout, rows, dims, again, 0)
            else:
                dx = layer_backward(dx, w, i, g, conjugate, shapes, layout, rows, dims, saved, each * i)
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
