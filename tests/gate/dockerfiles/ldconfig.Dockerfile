FROM python:3.11
RUN pip install 'tensorflow[and-cuda]==2.16.1'
RUN find /usr/local/lib/python3.11/site-packages/nvidia -name lib -type d > /etc/ld.so.conf.d/nvidia.conf && ldconfig
RUN echo "/usr/local/cuda/lib64" | tee -a /etc/ld.so.conf.d/cuda.conf
RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
