FROM localhost/base:1
COPY a /one
