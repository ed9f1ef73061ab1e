FROM python:3.11
RUN bash -lc "source /opt/venv/bin/activate && pip install 'tensorflow==2.15.0'"
RUN sudo -E -H pip install keras==2.15.0
RUN env PIP_BREAK_SYSTEM_PACKAGES=1 time pip3 install numpy==1.26.4
RUN yes | apt-get install libcudnn8
RUN (cd /src/app && pip install -r requirements.txt) && pip install -r requirements.txt
RUN set -eux; \
    { pip install a; pip install b; }; \
    su - app -c 'pip install --user c'
