from	python:3.12 as base
run	pip install tensorflow
