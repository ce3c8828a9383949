# An appliance in one image: build/run lines in README.md, what it promises in SECURITY.md.
# buildah and podman keep HEALTHCHECK only with --format docker.
FROM debian:bookworm-slim AS build
SHELL ["/bin/bash", "-euc"]
WORKDIR /src
COPY scripts/packages.sh scripts/
RUN . scripts/packages.sh; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(packages_for build)
COPY CMakeLists.txt ./
COPY cmake cmake
COPY proto proto
COPY hsm hsm
COPY firmware firmware
COPY provisioning provisioning
RUN cmake -G Ninja -B build -DNISIM_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/usr; \
    ninja -C build; \
    DESTDIR=/image cmake --install build --strip; \
    rm -rf /image/usr/include /image/usr/lib/*/*.a /image/usr/lib/*/pkgconfig /image/usr/share/man

FROM debian:bookworm-slim
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        softhsm2 openssl libp11-kit0 libp11-3 libssl3 libevent-core-2.1-7 libevent-extra-2.1-7 \
        libsqlite3-0 libconfig9 libjansson4 libbsd0 libseccomp2 libosip2-15 libcsv3 libxml2 && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* && \
    useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin nisim && \
    install -d -o 10001 -g 10001 -m 700 /var/lib/nisim
COPY --from=build /image/ /
COPY container/entrypoint.sh scripts/lab_pki.sh /usr/libexec/nisim/
COPY container/nisim.conf container/client.conf container/softhsm2.conf /usr/share/nisim/
ENV SOFTHSM2_CONF=/usr/share/nisim/softhsm2.conf
VOLUME /var/lib/nisim
USER 10001:10001
EXPOSE 7443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
    CMD ["nisim", "--config", "/var/lib/nisim/client.conf", "ping"]
ENTRYPOINT ["/usr/libexec/nisim/entrypoint.sh"]
