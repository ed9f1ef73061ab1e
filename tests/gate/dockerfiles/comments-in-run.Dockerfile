FROM nvidia/cuda:12.3.2-cudnn9-runtime-ubuntu22.04
RUN apt-get update \
    # the interpreter
    && apt-get install -y --no-install-recommends \
       python3.10 \

       python3-pip \
    # clean up
    && rm -rf /var/lib/apt/lists/*
RUN pip3 install \
    "tensorflow[and-cuda]==2.17.*" \
#    keras==2.15.0 \
    "numpy<2"
