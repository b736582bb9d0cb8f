# The image of web, worker and beat in production; compose.yaml shows how they fit together.
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /venv
COPY requirements-build.txt requirements.txt ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-build.txt \
 && /venv/bin/pip install --no-cache-dir --require-hashes --no-build-isolation -r requirements.txt

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home evalhub \
 && install -d -o evalhub -g evalhub /data
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY evalhub evalhub
COPY labeling labeling
COPY metrics metrics
COPY templates templates
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
    EVALHUB_STATIC_ROOT=/app/static
RUN EVALHUB_DATA_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
 && rm -r /tmp/build
ENV EVALHUB_MODE=production EVALHUB_HOST=0.0.0.0 EVALHUB_PORT=8000 EVALHUB_DATA_DIR=/data
USER evalhub
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status >= 500)"]
CMD ["gunicorn", "--config", "python:evalhub.gunicorn_conf", "evalhub.wsgi:application"]
