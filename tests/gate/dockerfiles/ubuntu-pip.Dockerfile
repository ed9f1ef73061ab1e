FROM ubuntu:latest
RUN apt-get update && apt-get install -y python3 python3-pip
RUN pip3 install --upgrade pip
RUN pip3 install tensorflow==2.10.0 keras==2.10.0
COPY model.h5 /model.h5
ENTRYPOINT ["python3"]
