"""Usage: make_packed.py OUTDIR   (numpy, torch)

Writes OUTDIR/groups.json: small groups of tensors as packed checkpoints hold them, in base64, with the matrix that a
plain reading in numpy gives."""
import sys,json,base64,numpy as np,torch
out=sys.argv[1]; rng=np.random.default_rng(11)
def b64(a): return base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()
codes=torch.arange(256,dtype=torch.uint8)
def hexes(t): return b64(codes.view(t).float().numpy().astype('<f4'))
DT={'uint8':'U8','int8':'I8','int32':'I32','int64':'I64','float16':'F16','float32':'F32'}
def group(cfg,tensors,want,types={}):
    return dict(config=cfg,tensors=[dict(name=k,dtype=types.get(k,DT[str(v.dtype)]),shape=list(v.shape),data=b64(v)) for k,v in tensors.items()],
      shape=list(want.shape),want=b64(want.astype('<f4')))
def bits_down(codes,bits):  # [n][m] -> words [n*bits/32][m], a stream of bits down each column
    n,m=codes.shape; s=((codes[:,None,:]>>np.arange(bits)[None,:,None])&1).reshape(n*bits,m).reshape(n*bits//32,32,m)
    return (s.astype(np.uint64)<<np.arange(32,dtype=np.uint64)[None,:,None]).sum(1).astype(np.uint32).view(np.int32)
cases={}
cases['float8']=dict(e4m3=hexes(torch.float8_e4m3fn),e5m2=hexes(torch.float8_e5m2))
for bits in(2,3,4,8):
  for v2 in((False,True) if bits==4 else (False,)):
    rows,cols,gs=32,32,8; G=cols//gs
    q=rng.integers(0,1<<bits,(cols,rows)); z=rng.integers(1,1<<bits,(G,rows)); s=(rng.random((G,rows))*.1+.01).astype(np.float16)
    g=rng.permutation(np.arange(cols)//gs).astype(np.int32)
    zs=z if v2 else z-1
    want=(s[g].astype(np.float32)*(q-z[g]).astype(np.float32)).T
    cases[f'gptq{bits}'+('v2' if v2 else '')]=group(dict(quant_method='gptq',bits=bits,group_size=gs,desc_act=True,checkpoint_format='gptq_v2' if v2 else 'gptq'),
      {'x.qweight':bits_down(q,bits),'x.qzeros':np.ascontiguousarray(bits_down(zs.T,bits).T),'x.scales':s,'x.g_idx':g},want)
rows,cols,gs=16,24,8; G=cols//gs
q=rng.integers(0,16,(cols,rows)); z=rng.integers(0,16,(G,rows)); s=(rng.random((G,rows))*.1+.01).astype(np.float16)
order=[0,2,4,6,1,3,5,7]  # AutoAWQ's packing: column order[i] of eight goes to bits 4i
def awq(a): return sum((a.reshape(a.shape[0],-1,8)[:,:,order[i]].astype(np.uint32)<<np.uint32(4*i)) for i in range(8)).astype(np.uint32).view(np.int32)
g=np.arange(cols)//gs
cases['awq']=group(dict(quant_method='awq',bits=4,group_size=gs,zero_point=True,version='gemm'),{'x.qweight':awq(q),'x.qzeros':awq(z),'x.scales':s},
  ((q-z[g]).astype(np.float32)*s[g].astype(np.float32)).T)
for bits in(4,8):
  for zp in(False,True):
    rows,cols,gs=5,24,8; G=cols//gs; per=32//bits
    q=rng.integers(0,1<<bits,(rows,cols)); z=rng.integers(0,1<<bits,(rows,G)); s=(rng.random((rows,G))*.1+.01).astype(np.float16)
    def pack(a):
        a=np.pad(a,((0,0),(0,-a.shape[1]%per))); return sum(a[:,i::per].astype(np.uint64)<<np.uint64(bits*i) for i in range(per)).astype(np.uint32).view(np.int32)
    t={'x.weight_packed':pack(q),'x.weight_scale':s,'x.weight_shape':np.array([rows,cols],np.int64)}
    if zp: t['x.weight_zero_point']=np.ascontiguousarray(pack(z.T).T)
    k=np.repeat(z if zp else np.full((rows,G),1<<bits-1),gs,1)
    cases[f'ct{bits}'+('z' if zp else '')]=group(dict(quant_method='compressed-tensors',format='pack-quantized',config_groups=dict(group_0=dict(targets=['Linear'],
      weights=dict(num_bits=bits,type='int',strategy='group',group_size=gs)))),t,np.repeat(s,gs,1).astype(np.float32)*(q-k).astype(np.float32))
w=torch.from_numpy(rng.standard_normal((10,18)).astype(np.float32))
for name,t,cfg,scale in(
  ('fp8block',torch.float8_e4m3fn,dict(quant_method='fp8',weight_block_size=[4,8]),rng.random((3,3))),
  ('fp8row',torch.float8_e4m3fn,dict(quant_method='compressed-tensors',format='float-quantized',config_groups=dict(g=dict(weights=dict(num_bits=8,type='float',strategy='channel')))),rng.random((10,1))),
  ('fp8tensor',torch.float8_e5m2,dict(quant_method='fp8'),rng.random(())),
  ('fp8none',torch.float8_e4m3fn,None,None)):
    c=w.to(t); v=c.float(); ts={'x.weight':c.view(torch.uint8).numpy()}
    if scale is not None:
        scale=np.asarray(scale,np.float32); key='x.weight_scale'+('_inv' if cfg['quant_method']=='fp8' else ''); ts[key]=scale; S=torch.from_numpy(scale)
        if name=='fp8block': S=S.repeat_interleave(4,0).repeat_interleave(8,1)[:10,:18]
        v=v*S
    cases[name]=group(cfg,ts,v.numpy(),{'x.weight':'F8_E4M3' if t==torch.float8_e4m3fn else 'F8_E5M2'})
c=rng.integers(-127,128,(10,6)).astype(np.int8); s=rng.random((10,1)).astype(np.float32)
cases['int8']=group(dict(quant_method='compressed-tensors',format='int-quantized',config_groups=dict(g=dict(weights=dict(num_bits=8,type='int',strategy='channel')))),
  {'x.weight':c,'x.weight_scale':s},c.astype(np.float32)*s)
q=rng.integers(0,3,(16,6)); s=np.array([1.7],np.float32)
cases['bitnet']=group(dict(quant_method='bitnet'),{'x.weight':sum(q.reshape(4,4,6)[i]<<2*i for i in range(4)).astype(np.uint8),'x.weight_scale':s},(q-1).astype(np.float32)/s)
open(out+'/groups.json','w').write('{'+',\n'.join(json.dumps(k)+': '+json.dumps(v) for k,v in cases.items())+'}\n')
