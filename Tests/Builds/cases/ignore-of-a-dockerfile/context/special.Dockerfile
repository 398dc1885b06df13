FROM localhost/base:1
COPY . /all
