# The part of requirements.lock that triton_models/engine imports, with its hashes: awk -f pick-engine.awk requirements.lock
/^[^ #]/ { keep = ($0 ~ /^(numpy|onnxruntime|onnxruntime-genai|pillow)==/) }
keep
