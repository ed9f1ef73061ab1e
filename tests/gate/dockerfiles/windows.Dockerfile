# escape=`
# syntax=docker/dockerfile:1
FROM mcr.microsoft.com/windows/servercore:ltsc2022
SHELL ["powershell", "-Command"]
RUN Invoke-WebRequest x `
    -OutFile C:\a.exe ; `
    C:\a.exe
COPY testfile.txt c:\
ENV P C:\Python311
