#include "backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define MAGIC_BYTES (sizeof BACKUP_MAGIC - 1)
#define PREAMBLE_BYTES (MAGIC_BYTES + BACKUP_MAC_KEY_WRAPPED_BYTES)

uint8_t *backup_body(struct backup_file *file)
{
    return file->bytes + TOKEN_MAC_BYTES + BACKUP_HEAD_BYTES;
}

static enum outcome fail_write(const struct backup_file *file)
{
    return outcome_fail(OUTCOME_FAILED, "%s: %s", file->path, strerror(errno));
}

static enum outcome fail_read(const struct backup_file *file)
{
    if (ferror(file->stream) != 0)
        return outcome_fail(OUTCOME_FAILED, "%s: %s", file->path, strerror(errno));
    return outcome_fail(OUTCOME_USAGE, "%s: ends early, in what begins at byte %" PRIu64,
                        file->path, file->at);
}

/* The MAC over what stands before it, at `bytes`. */
static enum outcome compute(struct backup_file *file, size_t length,
                            uint8_t out_mac[TOKEN_MAC_BYTES])
{
    enum hsm_result rc =
        token_hmac(file->office->token, file->keys.mac, file->bytes, length, out_mac);
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(file->office, rc, "the backup's MAC");
}

/* The first MAC is over the preamble, which is not kept. */
static enum outcome begin_chain(struct backup_file *file)
{
    uint8_t mac[TOKEN_MAC_BYTES];
    enum outcome outcome = compute(file, PREAMBLE_BYTES, mac);
    memcpy(file->bytes, mac, sizeof mac);
    file->at = PREAMBLE_BYTES;
    return outcome;
}

enum outcome backup_create(struct backup_file *file)
{
    int descriptor = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return fail_write(file);
    file->stream = fdopen(descriptor, "wb");
    if (file->stream == NULL) {
        close(descriptor);
        return fail_write(file);
    }
    memcpy(file->bytes, BACKUP_MAGIC, MAGIC_BYTES);
    memcpy(file->bytes + MAGIC_BYTES, file->keys.wrapped_mac, sizeof file->keys.wrapped_mac);
    if (fwrite(file->bytes, PREAMBLE_BYTES, 1, file->stream) != 1)
        return fail_write(file);
    return begin_chain(file);
}

enum outcome backup_write(struct backup_file *file, enum backup_kind kind, size_t body_bytes)
{
    uint8_t mac[TOKEN_MAC_BYTES];
    size_t length = TOKEN_MAC_BYTES + BACKUP_HEAD_BYTES + body_bytes;
    struct wire_writer writer = wire_writer_of(file->bytes + TOKEN_MAC_BYTES, BACKUP_HEAD_BYTES);
    wire_write_number(&writer, (uint64_t)kind, 1);
    wire_write_number(&writer, body_bytes, 4);
    enum outcome outcome = compute(file, length, mac);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (fwrite(file->bytes + TOKEN_MAC_BYTES, BACKUP_HEAD_BYTES + body_bytes, 1, file->stream) !=
            1 ||
        fwrite(mac, sizeof mac, 1, file->stream) != 1)
        return fail_write(file);
    memcpy(file->bytes, mac, sizeof mac);
    file->records++;
    return OUTCOME_DONE;
}

enum outcome backup_finish(struct backup_file *file)
{
    struct wire_writer writer = wire_writer_of(backup_body(file), 8);
    wire_write_number(&writer, file->records, 8);
    enum outcome outcome = backup_write(file, BACKUP_END, 8);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0)
        return fail_write(file);
    return OUTCOME_DONE;
}

enum outcome backup_open(struct backup_file *file, const char *key_name)
{
    file->records = 0;
    file->at = 0;
    file->stream = fopen(file->path, "rbe");
    if (file->stream == NULL)
        return outcome_fail(OUTCOME_USAGE, "%s: %s", file->path, strerror(errno));
    if (fread(file->bytes, PREAMBLE_BYTES, 1, file->stream) != 1)
        return fail_read(file);
    if (memcmp(file->bytes, BACKUP_MAGIC, MAGIC_BYTES) != 0)
        return outcome_fail(OUTCOME_USAGE, "%s: not a backup of nisim-token", file->path);
    memcpy(file->keys.wrapped_mac, file->bytes + MAGIC_BYTES, sizeof file->keys.wrapped_mac);
    enum outcome outcome = backup_key_open_mac(file->office, key_name, &file->keys);
    return outcome == OUTCOME_DONE ? begin_chain(file) : outcome;
}

static enum outcome fail_altered(const struct backup_file *file)
{
    return outcome_fail(OUTCOME_USAGE, "%s: not as it was written, at what begins at byte %" PRIu64,
                        file->path, file->at);
}

/* What the last record says, and that nothing follows. */
static enum outcome check_end(struct backup_file *file)
{
    struct wire_reader reader = wire_reader_of(backup_body(file), file->body_bytes);
    uint64_t records = wire_read_number(&reader, 8);
    if (!wire_reader_done(&reader) || records != file->records || fgetc(file->stream) != EOF)
        return fail_altered(file);
    return OUTCOME_DONE;
}

enum outcome backup_read(struct backup_file *file)
{
    uint8_t mac[TOKEN_MAC_BYTES];
    uint8_t *head = file->bytes + TOKEN_MAC_BYTES;
    if (fread(head, BACKUP_HEAD_BYTES, 1, file->stream) != 1)
        return fail_read(file);
    struct wire_reader reader = wire_reader_of(head, BACKUP_HEAD_BYTES);
    file->kind = (enum backup_kind)wire_read_number(&reader, 1);
    file->body_bytes = (size_t)wire_read_number(&reader, 4);
    size_t length = TOKEN_MAC_BYTES + BACKUP_HEAD_BYTES + file->body_bytes;
    if (file->body_bytes > BACKUP_BODY_BYTES_MAX)
        return fail_altered(file);
    if (fread(backup_body(file), file->body_bytes + TOKEN_MAC_BYTES, 1, file->stream) != 1)
        return fail_read(file);
    enum outcome outcome = compute(file, length, mac);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!secret_equal(mac, file->bytes + length, sizeof mac))
        return fail_altered(file);
    memcpy(file->bytes, mac, sizeof mac);
    if (file->kind == BACKUP_END)
        return check_end(file);
    file->at += BACKUP_HEAD_BYTES + file->body_bytes + TOKEN_MAC_BYTES;
    file->records++;
    return OUTCOME_DONE;
}

void backup_close(struct backup_file *file)
{
    if (file->stream != NULL)
        (void)fclose(file->stream);
    file->stream = NULL;
}
