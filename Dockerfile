# Only the service. docker-compose.yml starts it with its database and its monitoring.
#
# Python 3.13 is in Debian stable and supported until October 2029, longer than Django 5.2 LTS.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY requirements/base.txt requirements/
# Only wheels, so that no stage needs a compiler. pip is not in the folder that is copied below.
RUN python -m venv --without-pip /opt/clips \
    && python -m pip --python /opt/clips/bin/python install --no-cache-dir \
        --require-hashes --only-binary :all: --requirement requirements/base.txt
COPY . .
# The settings generate a secret key, which stays in this stage's /tmp. The static files are part of
# the image: a volume would still contain the older ones after an upgrade.
RUN CLIPS_LOCAL_DIR=/tmp/build CLIPS_STATIC_ROOT=/app/static \
        /opt/clips/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && /opt/clips/bin/python -m compileall -q clips_site library

FROM ${PYTHON_IMAGE}
# The user is a number, so that Kubernetes can verify that it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin clips \
    && install --directory --owner clips --group clips /var/lib/clips
COPY --from=build /opt/clips /opt/clips
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/clips/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    CLIPS_METRICS_PORT=9464 \
    CLIPS_LOCAL_DIR=/var/lib/clips \
    CLIPS_STATIC_ROOT=/app/static
USER 10001:10001
# Uploads and the audio store.
VOLUME /var/lib/clips
# 9464 is only for Prometheus.
EXPOSE 8000 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "deploy/docker/healthy.py", "/livez"]
# Any number may start at once: one prepares, the others wait. `exec` lets signals reach gunicorn.
CMD ["sh", "-c", "python manage.py prepare && exec gunicorn --config clips_site/server/gunicorn_conf.py"]
