# The part of a lock that triton_models/engine imports, with its hashes: awk -f pick-engine.awk requirements.lock
/^[^ #]/ { keep = ($0 ~ /^(llguidance|numpy|onnxruntime(-gpu)?|onnxruntime-genai(-cuda)?|pillow)==/) }
keep
