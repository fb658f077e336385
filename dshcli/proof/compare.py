from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dshcli.proof.align import Matrix, local_map
from dshcli.proof.vision import cv
F32 = npt.NDArray[np.float32]

def frame(fine, coarse, matrix, scale):
    """fine in coarse's pixels, and mask"""
    rows, columns = coarse.shape
    if scale > 1.25:
        small = cv().resize(fine, (max(round(fine.shape[1]/scale),1), max(round(fine.shape[0]/scale),1)), interpolation=cv().INTER_AREA)
        fx, fy = small.shape[1]/fine.shape[1], small.shape[0]/fine.shape[0]
        matrix = np.array([[fx,0,.5*fx-.5],[0,fy,.5*fy-.5],[0,0,1]]) @ matrix
        fine = small
    warped = cv().warpPerspective(fine, matrix, (columns, rows), flags=cv().INTER_LINEAR|cv().WARP_INVERSE_MAP, borderMode=cv().BORDER_REPLICATE)
    ones = np.full(fine.shape, 255, np.uint8)
    mask = cv().warpPerspective(ones, matrix, (columns, rows), flags=cv().INTER_NEAREST|cv().WARP_INVERSE_MAP)
    return warped.astype(np.float32), mask > 127, matrix, fine

def energy(x, m):
    gx = np.diff(x, axis=1)[:-1]; gy = np.diff(x, axis=0)[:, :-1]
    return float(((gx*gx+gy*gy)*m).sum())

def match_blur(x, y, mask):
    m = (mask[:-1, :-1] & mask[1:, 1:]).astype(np.float32)
    def norm(z):
        s = cv().resize(z, (max(z.shape[1]//4,2), max(z.shape[0]//4,2)), interpolation=cv().INTER_AREA)
        k = cv().resize(m, (s.shape[1]-1, s.shape[0]-1), interpolation=cv().INTER_AREA)
        return energy(s, k) + 1e-3
    nx, ny = norm(x), norm(y)
    ex, ey = energy(x, m)/nx, energy(y, m)/ny
    swap = ex < ey
    sharp, soft = (y, x) if swap else (x, y)
    n, target = (ny, ex) if swap else (nx, ey)
    best = (sharp, 0.0); 
    if max(ex,ey) > 1.15*min(ex,ey):
        last=max(ex,ey)
        for sigma in (.5, .7, .9, 1.2, 1.6, 2.2, 3.0):
            z = cv().GaussianBlur(sharp, (0,0), sigma)
            e = energy(z, m)/norm(z)
            if abs(np.log(e/target)) < abs(np.log(last/target)): best=(z,sigma); last=e
            if e < target: break
    z, sigma = best
    return ((x, z, -sigma) if swap else (z, y, sigma)), ex, ey

def cells(x, y, mask, c, radius=1):
    """dict of per-cell arrays, stride c/2"""
    rows, columns = x.shape
    step = max(c//2, 1)
    half = c//2
    ys = np.arange(half, rows-half+1-(c%2==0)*0, step); xs = np.arange(half, columns-half+1, step)
    ys = ys[ys + c - half <= rows]; xs = xs[xs + c - half <= columns]
    at = np.ix_(ys, xs)
    def box(z): return cv().boxFilter(z, -1, (c, c), borderType=cv().BORDER_REFLECT)
    cover = box(mask.astype(np.float32))[at]
    out = {'cover': cover}
    for name, (p, q) in {'low': (x, y), 'high': (x - cv().GaussianBlur(x, (0,0), 2.0), y - cv().GaussianBlur(y, (0,0), 2.0))}.items():
        mp, mq = box(p), box(q)
        vp, vq = np.maximum(box(p*p)-mp*mp, 0), np.maximum(box(q*q)-mq*mq, 0)
        sp = np.sqrt(vp[at]); 
        best = None; zero=None
        R = radius
        for dy in range(-R, R+1):
            for dx in range(-R, R+1):
                qs = np.roll(q, (-dy, -dx), (0, 1))
                yy, xx = np.clip(ys+dy, 0, rows-1), np.clip(xs+dx, 0, columns-1)
                a2 = np.ix_(yy, xx)
                cov = box(p*qs)[at] - mp[at]*mq[a2]
                n = cov/(sp*np.sqrt(vq[a2]) + 1.0)
                if dy == 0 and dx == 0: zero = n
                best = n if best is None else np.maximum(best, n)
        out[name+'_best'] = best; out[name+'_zero'] = zero; out[name+'_sx'] = sp; out[name+'_sy'] = np.sqrt(vq[at])
        for side, z, mz, vz in (('x', p, mp, vp), ('y', q, mq, vq)):
            w = np.full(best.shape, -1.0, np.float32)
            for dy, dx in ((0, c//2), (c//2, 0), (0, c), (c, 0)):
                zs = np.roll(z, (-dy, -dx), (0, 1))
                cov = box(z*zs)
                full = np.full(z.shape, -1.0, np.float32)
                h, v = rows-dy, columns-dx
                full[:h, :v] = (cov[:h, :v] - mz[:h, :v]*mz[dy:, dx:])/(np.sqrt(vz[:h, :v]*vz[dy:, dx:]) + 1.0)
                w = np.maximum(w, full[at])
                yy, xx = np.clip(ys-dy, 0, rows-1), np.clip(xs-dx, 0, columns-1)
                ok = (ys-dy >= 0)[:, None] & (xs-dx >= 0)[None, :]
                w = np.maximum(w, np.where(ok, full[np.ix_(yy, xx)], -1))
            out[name+'_self'+side] = w
    return out

def compare(a, b, matrix):
    centre = np.array([b.shape[1]/2, b.shape[0]/2])
    scale = float(np.sqrt(abs(np.linalg.det(local_map(matrix, centre)))))
    if scale >= 1: fine, coarse, m, s = a, b, matrix, scale
    else: fine, coarse, m, s = b, a, np.linalg.inv(matrix), 1/scale
    warped, mask, _, _ = frame(fine, coarse, m, s)
    y = coarse.astype(np.float32)
    area = int(mask.sum())
    if area < 400: return None
    (x, y, sigma), ex, ey = match_blur(warped, y, mask)
    c = int(np.clip(round(np.sqrt(area)/14), 8, 24))
    out = cells(x, y, mask, c)
    out.update(sigma=sigma, ex=ex, ey=ey, c=c, area=area, frame=coarse.shape, share=area/mask.size, swapped=scale<1)
    return out
