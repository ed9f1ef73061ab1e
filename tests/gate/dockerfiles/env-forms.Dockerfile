FROM python:3.11
ENV A=1 B="two words" C=three\ words D='single $X' E="quo\"ted" F=
ENV OLD form with many   words
ENV OLD2 a=b
ENV MULTI=a \
    LINE="b \
c" \
    END=d
LABEL a=b "c d"="e f" \
  org.opencontainers.image.title=x
LABEL old style
ARG ONE
ARG TWO=2 THREE="3 3" FOUR
ARG FIVE=${TWO:-5}
