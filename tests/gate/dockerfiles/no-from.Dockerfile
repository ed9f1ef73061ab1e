# a part that others include
ARG X=1
RUN pip install tensorflow==2.15.0
