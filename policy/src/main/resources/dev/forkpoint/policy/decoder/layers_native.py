"""What decoder.py is made of on Linux on x86-64: our own operators (kernels.c), which take several steps at once; for the head's products, oneDNN's.

oneDNN generates AVX-512 on every CPU that has it, where MKL (aten::linear, mm) falls back to AVX2 on CPUs that are not Intel's.
"""
import os
from typing import List, Tuple

import torch
from torch import Tensor

from layers_aten import draw_in_pieces

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


def attend(qkv: Tensor, shapes: List[int], layout: List[Tensor], lse: Tensor, dims: List[int]) -> Tensor:
    """of packed tokens as `project` gives them -> [N, Q D]; lse [N, Q] (empty: not wanted) is for attend_backward"""
    L = longest(shapes)
    out = torch.empty([qkv.size(0), dims[3] * dims[5]])
    torch.ops.forkpoint.attend_packed(qkv, layout[7], out, lse, torch.empty([L * (2 * dims[5] + 16)]), dims[4], L)
    return out


def attention(qk: Tensor, qkv: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor, dims: List[int]) -> Tensor:
    """of packed tokens, as `project` gives them -> [N or M, Q D], of the tokens kept [M] (empty: all)"""
    out = attend(qkv, shapes, layout, torch.empty([0]), dims)
    return out if kept.numel() == 0 else out[kept]


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


def panels(w: Tensor, transposed: bool) -> Tensor:
    """sixteen rows of w [N, K], or of w', at a time, side by side: [ceil(N / 16), K, 16], those past N zero"""
    n, k = (w.size(1), w.size(0)) if transposed else (w.size(0), w.size(1))
    out = torch.empty([(n + 15) // 16, k, 16])
    torch.ops.forkpoint.pack(w, out, int(transposed), 16, 0)
    return out


def packed_layer(wqkv: Tensor, wo: Tensor, wgu: Tensor, wd: Tensor) -> List[Tensor]:
    I = wgu.size(0) // 2
    gate_up = torch.empty([(I + 7) // 8, wgu.size(1), 16])   # eight rows of gate, eight of up
    torch.ops.forkpoint.pack(wgu[:I], gate_up, 0, 8, 0)
    torch.ops.forkpoint.pack(wgu[I:], gate_up, 0, 8, 8)
    return [panels(wqkv, False), panels(wo, False), gate_up, panels(wd, False)]


def transposed_layer(wqkv: Tensor, wo: Tensor, wgu: Tensor, wd: Tensor) -> List[Tensor]:
    """what layer_backward needs beside packed_layer"""
    return [panels(wqkv, True), panels(wo, True), panels(wgu, True), panels(wd, True)]


# 96, below: TOGETHER of kernels.c


def projected(x: Tensor, w: List[Tensor], i: int, rotation: Tensor, raw: Tensor, dims: List[int], eps: float) -> Tensor:
    qkv = torch.empty([x.size(0), dims[3] + 2 * dims[4], dims[5]])
    torch.ops.forkpoint.project(x, w[6 * i], w[6 * i + 4], w[6 * i + 5], torch.view_as_real(rotation), torch.empty([96, x.size(1)]), qkv, raw,
                                dims[4], eps)
    return qkv


def project(x: Tensor, w: List[Tensor], i: int, rotation: Tensor, dims: List[int], eps: float) -> Tuple[Tensor, Tensor]:
    """normed and rotated queries and keys [N, Q + K or more, D] of x [N, H]; what has the values, in the last K of [N, Q + 2 K, D]"""
    qkv = projected(x, w, i, rotation, torch.empty([0]), dims, eps)
    return qkv, qkv


def finish_into(x: Tensor, o: Tensor, w: List[Tensor], i: int, mid: Tensor, gu: Tensor, dims: List[int], eps: float) -> Tensor:
    torch.ops.forkpoint.finish(x, o, w[6 * i + 1], w[6 * i + 2], w[6 * i + 3], torch.empty([96, dims[1] + dims[6]]), mid, gu, eps)
    return x


def finish(x: Tensor, o: Tensor, w: List[Tensor], i: int, dims: List[int], eps: float) -> Tensor:
    """the rest of a layer: x [N, H], which may be overwritten, and attention's o [N, Q D]"""
    return finish_into(x, o, w, i, torch.empty([0]), torch.empty([0]), dims, eps)


def layer_forward(x: Tensor, w: List[Tensor], i: int, rotation: Tensor, shapes: List[int], layout: List[Tensor], kept: Tensor,
                  dims: List[int], eps: float, saved: List[Tensor]) -> Tensor:
    """appends to saved what layer_backward needs. Past attention, only the tokens kept [M] are computed (empty: all)"""
    N, Q, K, D = x.size(0), dims[3], dims[4], dims[5]
    raw = torch.empty([N, Q + K, D] if dims[9] != 0 else [0])
    lse = torch.empty([N, Q])
    qkv = projected(x, w, i, rotation, raw, dims, eps)
    o = attend(qkv, shapes, layout, lse, dims)
    out = x.clone() if kept.numel() == 0 else x[kept]
    if kept.numel() != 0:
        o = o[kept]
    mid, gu = torch.empty_like(out), torch.empty([out.size(0), 2 * dims[6]])
    saved.extend([x, raw, qkv, lse, o, mid, gu])   # += would make a new list
    return finish_into(out, o, w, i, mid, gu, dims, eps)


def saved_by_layer(shapes: List[int]) -> int:
    return 7


def layer_backward(dx: Tensor, w: List[Tensor], i: int, g: List[Tensor], rotation: Tensor, shapes: List[int], layout: List[Tensor],
                   kept: Tensor, dims: List[int], saved: List[Tensor], s: int, eps: float) -> Tensor:
    """adds the layer's gradients to g; saved[s...] is what layer_forward kept; rotation is conjugated. kept may name a token twice only
    where the gradient is zero"""
    H, Q, K, D, I = dims[1], dims[3], dims[4], dims[5], dims[6]
    x, raw, qkv, lse, o, mid, gu = saved[s], saved[s + 1], saved[s + 2], saved[s + 3], saved[s + 4], saved[s + 5], saved[s + 6]
    N = x.size(0)
    t = 6 * dims[2] + 4 * i
    do = torch.empty_like(o)
    torch.ops.forkpoint.finish_backward(dx, mid, gu, o, w[t + 1], w[t + 2], w[t + 3], g[9 * i + 5], g[9 * i + 7], g[9 * i + 8], do,
                                        torch.empty([96, 4 * I + 2 * H + max(H, I, Q * D) + 16]), eps)
    if kept.numel() != 0:
        do = torch.zeros([N, Q * D]).index_copy_(0, kept, do)
        dx = torch.zeros_like(x).index_copy_(0, kept, dx)
    L = longest(shapes)
    dqkv = torch.zeros_like(qkv)
    torch.ops.forkpoint.attend_packed_backward(qkv, layout[7], do, lse, dqkv, torch.empty([L * (4 * D + 32)]), K, L)
    dn = torch.zeros([Q + K if dims[9] != 0 else 0, D])
    torch.ops.forkpoint.project_backward(dqkv, x, raw, w[6 * i + 5], torch.view_as_real(rotation), w[t], dx, g[9 * i + 1], g[9 * i + 2], dn,
                                         torch.empty([96, 3 * H + 16]), K, eps)
    if dims[9] != 0:
        g[9 * i + 3].add_(dn[:Q].sum(0).mul_(float(D) ** -0.5))
        g[9 * i + 4].add_(dn[Q:].sum(0))
    return dx
