"""A training loop of one's own in Python: sample, verify, score, learn, publish, against a running set of services.

    ./forkpoint serve --policy models/countdown-base --ready-file ready.json
    python own_loop.py ready.json models/countdown-base --steps 3
"""
import argparse
import json
import pathlib

import grpc

from forkpoint.entropy.v1 import entropy_pb2, entropy_pb2_grpc
from forkpoint.learner.v1 import learner_pb2, learner_pb2_grpc, objective_pb2, run_spec_pb2
from forkpoint.policy.v1 import policy_pb2
from forkpoint.reward.v1 import reward_pb2, reward_pb2_grpc
from forkpoint.rollout.v1 import rollout_pb2, rollout_pb2_grpc

p = argparse.ArgumentParser()
p.add_argument("ready_file")
p.add_argument("policy")
p.add_argument("--steps", type=int, default=3)
p.add_argument("--prompts", type=int, default=8)
p.add_argument("--group", type=int, default=8)
a = p.parse_args()
ready = json.loads(pathlib.Path(a.ready_file).read_text())
channel = {name: grpc.insecure_channel(ready[name]) for name in ("rollout", "entropy", "reward", "learner")}
rollout = rollout_pb2_grpc.RolloutServiceStub(channel["rollout"])
entropy = entropy_pb2_grpc.EntropyServiceStub(channel["entropy"])
reward = reward_pb2_grpc.RewardServiceStub(channel["reward"])
learner = learner_pb2_grpc.LearnerServiceStub(channel["learner"])

trainer = learner.CreateTrainer(learner_pb2.CreateTrainerRequest(
    request_id="create", policy=pathlib.Path(a.policy).resolve().as_uri(),
    optimizer=run_spec_pb2.OptimizerSpec(learning_rate=1e-4),
    objective=objective_pb2.ObjectiveSpec(selector=objective_pb2.TokenSelector(
        top=objective_pb2.TopEntropy(keep_fraction=0.2))))).trainer_id

for step in range(a.steps):
    snapshot = learner.PublishPolicy(learner_pb2.PublishPolicyRequest(
        request_id=f"publish-{step}", trainer_id=trainer)).policy
    rollout.LoadPolicy(rollout_pb2.LoadPolicyRequest(policy=snapshot))
    entropy.LoadPolicy(entropy_pb2.LoadPolicyRequest(policy=snapshot))
    problems = [q for r in reward.GenerateProblems(reward_pb2.GenerateProblemsRequest(
        task="countdown", split=reward_pb2.SPLIT_TRAIN, seed=1, start=step * a.prompts, count=a.prompts)) for q in r.problems]
    asked = {f"{i}-{j}": q for i, q in enumerate(problems) for j in range(a.group)}
    sampled = {r.request_id: r.rollout for r in rollout.Generate(rollout_pb2.GenerateRequest(rollout=rollout_pb2.RolloutRequest(
        request_id=k, prompt_text=q.prompt, seed=hash((step, k)) & 0xFFFFFFFF, return_text=True,
        sampling=policy_pb2.SamplingParameters(max_tokens=52))) for k, q in asked.items())}
    judged = {r.request_id: r.verification for r in reward.Verify(reward_pb2.VerifyRequest(item=reward_pb2.VerifyItem(
        request_id=k, verifier=asked[k].verifier, task=asked[k].task, gold=asked[k].gold, prediction=s.text,
        truncated=s.finish_reason == policy_pb2.FINISH_REASON_LENGTH)) for k, s in sampled.items())}
    scored = {r.request_id: r.scores for r in entropy.Score(entropy_pb2.ScoreRequest(sequence=entropy_pb2.SequenceToScore(
        request_id=k, ids=policy_pb2.TokenIds(ids=[*s.prompt_ids, *s.token_ids]), first_position=len(s.prompt_ids),
        policy_id=snapshot.policy_id, policy_version=snapshot.version)) for k, s in sampled.items())}
    selected = learner.SubmitSequences(learner_pb2.SubmitSequencesRequest(
        request_id=f"submit-{step}", trainer_id=trainer, sequences=[learner_pb2.Sequence(
            sequence_id=k, group_id=k.split("-")[0], token_ids=[*s.prompt_ids, *s.token_ids], prompt_length=len(s.prompt_ids),
            reward=judged[k].reward, correct=judged[k].verdict == reward_pb2.VERDICT_CORRECT,
            old_log_probs=scored[k].log_probs, entropies=scored[k].entropies) for k, s in sampled.items()]))
    loss = learner.Accumulate(learner_pb2.AccumulateRequest(request_id=f"accumulate-{step}", trainer_id=trainer)).loss
    update = learner.ApplyUpdate(learner_pb2.ApplyUpdateRequest(request_id=f"apply-{step}", trainer_id=trainer))
    print(json.dumps(dict(step=step, reward=sum(v.reward for v in judged.values()) / len(judged), loss=loss,
                          kept=selected.kept_tokens, tokens=selected.response_tokens, gradient_norm=update.gradient_norm)))
learner.CloseTrainer(learner_pb2.CloseTrainerRequest(trainer_id=trainer))
