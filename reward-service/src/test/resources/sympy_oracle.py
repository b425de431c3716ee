"""Judges pairs of expressions with sympy, independently of the verifier: lines "a<TAB>b" in, one of equal, different, undefined, unknown out.

Equal means: the difference simplifies to zero, or vanishes at eight real points to 60 digits with principal complex values.
"""
import sys
from sympy import Integer, Rational, cos, exp, nan, oo, pi, sin, sqrt, symbols, sympify, zoo

x, y = symbols("x y", real=True)
names = dict(x=x, y=y, pi=pi, sin=sin, cos=cos, exp=exp, sqrt=sqrt, Integer=Integer, Rational=Rational)
points = [(Rational(a, 97), Rational(b, 89)) for a, b in
          [(31, 57), (-45, 101), (123, -77), (-211, -33), (301, 250), (-7, 11), (150, 190), (77, -160)]]


def judge(left, right):
    a, b = eval(left, {"__builtins__": {}}, names), eval(right, {"__builtins__": {}}, names)
    if any(e.has(zoo, nan, oo) for e in (a, b)):
        return "undefined"
    seen = 0
    for px, py in points:
        u, v = a.subs({x: px, y: py}), b.subs({x: px, y: py})
        if u.has(zoo, nan, oo) or v.has(zoo, nan, oo):
            continue
        try:
            u, v = u.evalf(60, maxn=300), v.evalf(60, maxn=300)
        except Exception:
            continue
        seen += 1
        if abs(u - v) > 1e-40 * max(abs(u), abs(v), Rational(1, 10**30)):
            return "different"
    return "equal" if seen >= 2 else "unknown"


for line in sys.stdin:
    left, right = line.rstrip("\n").split("\t")
    try:
        print(judge(left, right))
    except Exception as e:
        print("unknown", type(e).__name__)
