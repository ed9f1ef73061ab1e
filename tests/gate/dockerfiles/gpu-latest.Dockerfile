FROM tensorflow/tensorflow:latest-gpu
WORKDIR /app
COPY requirements.txt /app/
RUN pip install --no-cache-dir -r requirements.txt
COPY . /app
CMD ["python", "train.py"]
