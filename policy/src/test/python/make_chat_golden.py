"""usage: make_chat_golden.py FOLDER      renders every .jinja of the folder with transformers, writes golden.json beside them"""
import json, pathlib, sys
from transformers.utils.chat_template_utils import _compile_jinja_template

folder = pathlib.Path(sys.argv[1])
conversations = {
    "question": [("user", "What is 6 * 7?")],
    "system": [("system", " Be brief. "), ("user", "hi\n"), ("assistant", " yes "), ("user", "{{ 1 + 1 }} {% raw %} {# c #}")],
    "thinking": [("user", "a"), ("assistant", "<think>\nx\n</think>\n\nb"), ("user", "c"), ("assistant", "<think>\nlonger\nthought\n</think>\n\n\nd")],
    "unicode": [("user", "naïve 数学 😀 \\n \"quoted\" <b>&amp;</b>"), ("assistant", "ok"), ("user", "")],
    "roles": [("assistant", "first"), ("user", "second")],
    "tool": [("user", "a"), ("tool", "b")],
}
out = []
for file in sorted(folder.glob("*.jinja")):
    template = _compile_jinja_template(file.read_text())
    for name, messages in conversations.items():
        for generation in (False, True):
            case = {"template": file.name, "conversation": name, "messages": [list(m) for m in messages], "generation": generation}
            try:
                case["text"] = template.render(messages=[{"role": r, "content": c} for r, c in messages], add_generation_prompt=generation,
                                               bos_token="<s>", eos_token="</s>")
            except Exception as e:
                case["error"] = str(e)
            out.append(case)
(folder / "golden.json").write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
