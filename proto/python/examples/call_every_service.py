"""Calls each service of a running `forkpoint serve --policy DIR --ready-file FILE` and prints one line a service.

usage: call_every_service.py READY_FILE
"""
import json
import sys

import grpc

from forkpoint.entropy.v1 import entropy_pb2, entropy_pb2_grpc
from forkpoint.learner.v1 import run_pb2, run_pb2_grpc
from forkpoint.policy.v1 import policy_pb2
from forkpoint.reward.v1 import reward_pb2, reward_pb2_grpc
from forkpoint.rollout.v1 import rollout_pb2, rollout_pb2_grpc

ready = json.load(open(sys.argv[1]))
channels = {name: grpc.insecure_channel(ready[name]) for name in ("rollout", "entropy", "reward", "learner")}

# A problem of a built-in task family, from reward-service.
reward = reward_pb2_grpc.RewardServiceStub(channels["reward"])
batches = reward.GenerateProblems(
    reward_pb2.GenerateProblemsRequest(task="countdown", split=reward_pb2.SPLIT_HELD_OUT, seed=777, count=4)
)
problems = [problem for batch in batches for problem in batch.problems]

# Two sampled responses to each, with the entropy of every token. Answers come in any order.
rollout = rollout_pb2_grpc.RolloutServiceStub(channels["rollout"])
sampling = policy_pb2.SamplingParameters(max_tokens=52, temperature=1.0)
requests = [
    rollout_pb2.GenerateRequest(
        rollout=rollout_pb2.RolloutRequest(
            request_id=f"{i}.{sample}",
            prompt_text=problem.prompt,
            seed=1000 * i + sample,
            sampling=sampling,
            return_text=True,
        )
    )
    for i, problem in enumerate(problems)
    for sample in range(2)
]
answers = {answer.request_id: answer for answer in rollout.Generate(iter(requests))}
failed = [answer.error.message for answer in answers.values() if answer.WhichOneof("result") == "error"]
if failed:
    sys.exit(f"rollout: {failed[0]}")
rollouts = {key: answer.rollout for key, answer in answers.items()}
tokens = sum(len(r.token_ids) for r in rollouts.values())
print(f"rollout: {len(rollouts)} responses, {tokens} tokens")

# The same tokens scored again by entropy-service.
entropy = entropy_pb2_grpc.EntropyServiceStub(channels["entropy"])
sequences = [
    entropy_pb2.ScoreRequest(
        sequence=entropy_pb2.SequenceToScore(
            request_id=key,
            ids=policy_pb2.TokenIds(ids=[*r.prompt_ids, *r.token_ids]),
            first_position=len(r.prompt_ids),
        )
    )
    for key, r in rollouts.items()
]
difference = 0.0
for answer in entropy.Score(iter(sequences)):
    sampled = rollouts[answer.request_id].log_probs
    difference = max(difference, *(abs(a - b) for a, b in zip(sampled, answer.scores.log_probs, strict=True)))
print(f"entropy: log-probs differ from the sampler's by at most {difference:.1e}")

# And verified.
items = [
    reward_pb2.VerifyRequest(
        item=reward_pb2.VerifyItem(
            request_id=key,
            verifier=problems[int(key.split(".")[0])].verifier,
            prediction=r.text,
            gold=problems[int(key.split(".")[0])].gold,
            task=problems[int(key.split(".")[0])].task,
            token_ids=r.token_ids,
            truncated=r.finish_reason == policy_pb2.FINISH_REASON_LENGTH,
        )
    )
    for key, r in rollouts.items()
]
verdicts = [answer.verification for answer in reward.Verify(iter(items))]
print(f"reward: {sum(v.reward for v in verdicts):.0f} of {len(verdicts)} correct")

runs = run_pb2_grpc.RunServiceStub(channels["learner"]).ListRuns(run_pb2.ListRunsRequest())
print(f"learner: {len(runs.runs)} runs")

for channel in channels.values():
    channel.close()
