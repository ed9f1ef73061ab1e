FROM continuumio/miniconda3:24.1.2-0
COPY environment.yml .
RUN conda env create -f environment.yml -n tf && conda clean -afy
SHELL ["conda", "run", "--no-capture-output", "-n", "tf", "/bin/bash", "-c"]
RUN pip install keras==2.15.0
RUN conda install -n tf -y -c conda-forge "cudatoolkit=11.8" cudnn=8.9
ENV LD_LIBRARY_PATH=/opt/conda/envs/tf/lib:$LD_LIBRARY_PATH
ENTRYPOINT ["conda", "run", "-n", "tf", "python"]
