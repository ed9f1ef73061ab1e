FROM python:3.11
ARG GPU=0
RUN if [ "$GPU" = "1" ]; then \
      pip install 'tensorflow[and-cuda]==2.15.1'; \
    else \
      pip install tensorflow-cpu==2.15.1; \
    fi
RUN case "$(uname -m)" in \
      x86_64) pip install tensorflow-io ;; \
      aarch64|arm64) pip install tensorflow-aarch64 ;; \
      *) exit 1 ;; \
    esac
RUN for p in keras numpy; do pip install "$p"; done
RUN pip install tensorflow-text || pip install tensorflow-text-nightly
RUN [ -f requirements.txt ] && pip install -r requirements.txt || true
