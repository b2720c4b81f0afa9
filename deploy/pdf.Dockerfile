# LibreOffice beside the program, for `.pdf` reports alone (docker-compose.yml, profile `pdf`): 400 MB that no service
# carries, in a container without secrets, database and broker. Liberation Serif has the widths of Times New Roman.
# It builds on the program's image, which `make compose-up` has made.
ARG PROGRAM=ntm-coordination:local
FROM ${PROGRAM}
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libreoffice-writer-nogui fonts-liberation \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
