"""usage: score_with_transformers.py CHECKPOINT ADAPTER|- IDS_JSON      prints log-probs of next tokens, 12 greedy tokens, and the chat prompt"""
import json, os, sys
os.environ["HF_HUB_OFFLINE"] = "1"
import torch, transformers
transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
checkpoint, adapter, ids = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
if adapter != "-":
    import peft
    model = peft.PeftModel.from_pretrained(model, adapter).eval()
x = torch.tensor([ids])
with torch.no_grad():
    logp = model(input_ids=x).logits.log_softmax(-1)
    out = model.generate(input_ids=x, max_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=0)
print(json.dumps(dict(logprob_of_next=logp[0, :-1].gather(-1, x[0, 1:, None])[:, 0].tolist(), greedy=out[0, x.size(1):].tolist(),
                      tokens=transformers.PreTrainedTokenizerFast.from_pretrained(checkpoint)("12 + 30 wait")["input_ids"])))
