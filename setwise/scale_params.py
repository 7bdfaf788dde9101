"""Params of what grows with the model: how training is laid out over devices, and which engine evaluates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from setwise.section import Section

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Port = Annotated[int, Field(gt=0, lt=65536)]

EngineName = Literal["auto", "transformers", "vllm", "openai"]


class LoraParams(Section):
    """Low-rank adapters in place of full training; the trained model is merged before it is kept.

    Attributes:
        target_modules: names of the linear layers to adapt, or `all-linear` for all but the head.
    """

    rank: Positive = 32
    alpha: Positive = 64
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class TrainVllmParams(Section):
    """Who generates in training: the trainer itself (`off`), vLLM on the same GPUs, or a vLLM server beside it.

    Attributes:
        gpu_memory_utilization, tensor_parallel_size, max_model_length, sleep: of `colocate` (a server has its own);
            `sleep` hands vLLM's memory back during the optimizer's step.
        host, port, group_port, timeout_s: of `server`; weights reach it through `group_port`.
    """

    mode: Literal["off", "colocate", "server"] = "off"
    gpu_memory_utilization: Fraction = 0.3
    tensor_parallel_size: Positive = 1
    max_model_length: Positive | None = None
    sleep: bool = False
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 8000
    group_port: Port = 51216
    timeout_s: Annotated[float, Field(gt=0)] = 240.0


class ClusterParams(Section):
    """The Ray cluster that a training is sent to. None of this decides what is trained, but how many `workers` do.

    Attributes:
        address: `auto` (the cluster that this machine is part of), `HOST:PORT` of its head, which this machine must be
            part of, or `ray://HOST:PORT` from outside.
        workers: processes of one training.
        gpus_per_worker: 0 trains on CPUs.
        storage: what all machines reach: `s3://…`, `gs://…` or a folder that is mounted everywhere, by its whole path.
        max_failures: how often Ray starts lost workers again from the last checkpoint; -1: as often as it takes.
    """

    address: Annotated[str, Field(pattern=r"^(auto|(ray://)?[^\s:/]+:\d+)$")] = "auto"
    workers: Positive = 1
    gpus_per_worker: Annotated[int, Field(ge=0)] = 1
    storage: Annotated[str, Field(pattern=r"^((s3|gs)://[^\s/]+|/)\S*$")]
    max_failures: Annotated[int, Field(ge=-1)] = 3


class ScaleParams(Section):
    """How training is laid out. A step is always `train.prompts_per_step` × `train.generations` completions.

    Attributes:
        cluster: the Ray cluster to train on; null: this machine.
        accelerate: a file of the folder `accelerate/` (its name without `.yaml`) that the stage `train` is launched
            with; null: one process. On a cluster it says how its workers share the model out.
        micro_batch: completions in one forward and backward pass of one process; the gradient is accumulated over the
            rest of its share of the step. Null: the whole share at once.
        generation_batch: completions generated at once in training (with vLLM those to held-out questions alone), in
            whole groups of a prompt where it can; bounds the memory of keys and values. Null: all of a process.
        draws: where sampling takes its random numbers from: `batch`, one generator for each process; `row`, a stream
            for each completion, so that the same step has the same completions on any number of processes.
        mixed_precision: `bf16` computes in bfloat16 and keeps the weights as `model.dtype` says.
        loss: how TRL's trainer weighs the tokens of a batch.
    """

    cluster: ClusterParams | None = None
    accelerate: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] | None = None
    micro_batch: Positive | None = None
    generation_batch: Positive | None = None
    draws: Literal["batch", "row"] = "batch"
    mixed_precision: Literal["no", "bf16"] = "no"
    gradient_checkpointing: bool = False
    loss: Literal["dr_grpo", "grpo", "dapo", "bnpo"] = "dr_grpo"
    lora: LoraParams | None = None
    vllm: TrainVllmParams = TrainVllmParams()

    @model_validator(mode="after")
    def _consistent(self) -> ScaleParams:
        if self.draws == "row" and self.vllm.mode != "off":
            raise ValueError("draws: 'row' is for the trainer's own sampling; use 'batch' with vllm.mode")
        return self


class EndpointParams(Section):
    """An OpenAI-compatible endpoint, such as vLLM's server or `transformers serve`.

    Attributes:
        url: up to and with `/v1`. `{name}` stands for the model folder's name.
        model: what the endpoint calls the model. `{name}` stands for the folder's name (`rlcr_multi`, `warmstart`, …),
            `{path}` for its absolute path.
        dialect: how to say what the API has no field for: sampling from the whole distribution, and a prompt taken as
            it is. `openai` sends standard fields alone.
        key_variable: the environment variable (in capitals) that holds the API key; null sends none.
        concurrency: requests in flight.
        retries: further tries of a request after 429, 5xx, a dropped connection or a time-out, at growing intervals.
        timeout_s: seconds for one request.
    """

    url: Annotated[str, Field(pattern=r"^https?://\S+$")]
    model: Annotated[str, Field(min_length=1)] = "{path}"
    dialect: Literal["vllm", "transformers", "openai"] = "vllm"
    key_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 32
    retries: Annotated[int, Field(ge=0, le=20)] = 6
    timeout_s: Annotated[float, Field(gt=0)] = 600.0


class EngineVllmParams(Section):
    """vLLM in the evaluating process."""

    gpu_memory_utilization: Fraction = 0.9
    tensor_parallel_size: Positive = 1
    max_model_length: Positive | None = None
