FROM python:3.11
RUN echo a \\
RUN echo "trailing blanks" \  
  b
RUN pip install numpy\<2 tensorflow\[and-cuda\]==2.15.1
RUN pip install "a \
b"
	RUN	pip	install	tabs  
RUN echo '#no comment' #comment \
  still the comment
