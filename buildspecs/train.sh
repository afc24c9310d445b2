#!/usr/bin/env bash
# What a training job runs, in the checkout that was sent: the commands of build.yml.
# SageMaker keeps CHECKPOINTS beside the job, and hands ARTIFACT on. Variable: MODEL.
set -euo pipefail
checkpoints=${CHECKPOINTS:-/opt/ml/checkpoints} artifact=${ARTIFACT:-/opt/ml/model}
pip install --quiet --require-hashes -r requirements-uv.txt
uv venv --quiet --python 3.11 .venv/build
uv pip sync --quiet --python .venv/build/bin/python --require-hashes model_build/requirements.txt model_build/requirements-demo.txt
# 1 is a gate that stopped the model: its report is what comes back.
.venv/build/bin/python -m model_build "model_build/specs/$MODEL.toml" --out "$checkpoints/built" || [ $? -eq 1 ]
mkdir -p "$artifact"
for part in manifest.json sample.json litert openvino saved_model tf_serving report.json report.html README.md; do
  [ ! -e "$checkpoints/built/$part" ] || cp -r "$checkpoints/built/$part" "$artifact/"
done
test -f "$artifact/report.json"
