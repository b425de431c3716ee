"""What decoder.py is made of on every other device, in libtorch's operators; the reference for layers_native.py, which says what each function
does. With bfloat16, dense products are of bfloat16 operands, and everything else is float32.
"""
import sys
from typing import List, Tuple

import torch
from torch import Tensor

KIND = sys.argv[1]


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
    return [wqkv, wo, wgu, wd]


def transposed_layer(wqkv: Tensor, wo: Tensor, wgu: Tensor, wd: Tensor) -> List[Tensor]:
    none: List[Tensor] = []
    return none


def attention_kept(qk: Tensor, qkv: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor, dims: List[int], save: bool,
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


def attention(qk: Tensor, qkv: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor, dims: List[int]) -> Tensor:
    none: List[Tensor] = []
    return attention_kept(qk, qkv, shapes, layout, kept, dims, False, none)


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


def weight_gradient(dy: Tensor, x: Tensor) -> Tensor:
    """dy' x. The first operand of a product is copied when it is transposed, so that is the narrower one"""
    if dy.size(1) <= x.size(1):
        return linear(dy.t(), x.t())
    return linear(x.t(), dy.t()).t()


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


# ---------------------------------------------------------------------- learning

def layer_forward(x: Tensor, w: List[Tensor], i: int, rotation: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor,
                  dims: List[int], eps: float, saved: List[Tensor]) -> Tensor:
    """appends to saved r1, h1, r, y, o, r2, h2, gu, then what attention does. Past the keys and values, only the tokens kept
    [M] are computed (empty: all)"""
    N = x.size(0)
    Q, K, D, I = dims[3], dims[4], dims[5], dims[6]
    h1, r1 = normalise(x, eps)
    if kept.numel() == 0:
        qkv = linear_bias(h1, w[6 * i], w[6 * i + 4])
    else:
        qkv = torch.zeros([N, (Q + 2 * K) * D], device=x.device)
        bias = w[6 * i + 4]
        split = Q * D * dims[8]
        qkv[:, Q * D:] = linear_bias(h1, w[6 * i][Q * D:], bias[split:])
        qkv[kept, :Q * D] = linear_bias(h1[kept], w[6 * i][:Q * D], bias[:split])
    qkv = qkv.view(N, Q + 2 * K, D)
    qk = qkv[:, :Q + K]
    r, y = torch.empty([0]), torch.empty([0])
    if dims[9] != 0:
        r = inverse_rms(qk, eps)
        y = qk * r
        qk = y * w[6 * i + 5]
    qk = rotate(qk, rotation)
    attended: List[Tensor] = []
    o = attention_kept(qk, qkv, shapes, layout, kept, dims, True, attended)
    if kept.numel() != 0:
        x = x[kept]
    x = linear_add(o, w[6 * i + 1], x)
    h2, r2 = normalise(x, eps)
    gu = linear(h2, w[6 * i + 2])
    saved.extend([r1, h1, r, y, o, r2, h2, gu])   # += would make a new list
    saved.extend(attended)
    return linear_add(gated(gu), w[6 * i + 3], x)


def saved_by_layer(shapes: List[int]) -> int:
    return 8 + 4 * (len(shapes) // 3)


def layer_backward(dx: Tensor, w: List[Tensor], i: int, g: List[Tensor], rotation: Tensor, shapes: List[int], layout: List[Tensor],
                   kept: Tensor, dims: List[int], saved: List[Tensor], s: int, eps: float) -> Tensor:
    """adds the layer's gradients to g; saved[s...] is what layer_forward kept; rotation is conjugated. kept may name a token twice only where
    the gradient is zero"""
    Q, K, D, I = dims[3], dims[4], dims[5], dims[6]
    r1, h1, r, y, o, r2, h2, gu = saved[s], saved[s + 1], saved[s + 2], saved[s + 3], saved[s + 4], saved[s + 5], saved[s + 6], saved[s + 7]
    N = h1.size(0)
    # x += Wd (silu(gate) * up)
    dgu, act = gated_backward(linear(dx, w[6 * i + 3].t()), gu)
    g[9 * i + 8].add_(weight_gradient(dx, act))
    g[9 * i + 7].add_(weight_gradient(dgu, h2))
    dx = norm_backward(dx, linear(dgu, w[6 * i + 2].t()), h2, r2)
    # x += Wo softmax(q k') v
    g[9 * i + 5].add_(weight_gradient(dx, o))
    do_all = linear(dx, w[6 * i + 1].t())
    if kept.numel() != 0:
        do_all = torch.zeros([N, Q * D], device=dx.device).index_copy_(0, kept, do_all)
        dx = torch.zeros_like(h1).index_copy_(0, kept, dx)
    dqkv = torch.empty([N, Q + 2 * K, D], device=dx.device)
    dqk = rotate(attention_backward(do_all, saved, s + 8, shapes, layout, dims, dqkv), rotation)
    if dims[9] != 0:
        dn = (dqk * y).sum(0)
        g[9 * i + 3].add_(dn[:Q].sum(0).mul_(float(D) ** -0.5))
        g[9 * i + 4].add_(dn[Q:].sum(0))
        dqk.mul_(w[6 * i + 5])
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
