# The image of one process with the embedded database, or of one of many with DATABASE_URL. See docs/deploy.md for the
# settings, and for how to pin the base image by digest.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY . .
RUN node scripts/prepare.mjs

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY components ./components
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    LATCHKEY_DATA=/var/lib/latchkey \
    HOST=0.0.0.0 \
    PORT=4080
WORKDIR /app
COPY --from=packages --chown=root:root /app ./
COPY --from=build --chown=root:root /app/dist ./dist
COPY deploy/is-alive.mjs ./deploy/
RUN install -d -o node -g node -m 0700 /var/lib/latchkey
USER node
VOLUME /var/lib/latchkey
EXPOSE 4080
# Drains within 30 s; Docker itself waits 10 s by default: run with --stop-timeout 40.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["node", "deploy/is-alive.mjs"]
ENTRYPOINT ["node", "dist/bin/latchkey.js"]
CMD ["start"]
