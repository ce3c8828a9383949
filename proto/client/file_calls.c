#include <string.h>

#include "client.h"
#include "file_message.h"

_Static_assert(NISIM_FILE_BYTES == FILE_DATA_BYTES_MAX && NISIM_LIST_MAX == FILE_RECORDS_MAX,
               "nisim.h has its own names for the limits of the wire");

static enum nisim_result take_file(struct nisim *nisim, const struct frame_header *header,
                                   unsigned record, struct nisim_file *out)
{
    struct file_answer answer;
    struct fault fault = file_answer_read(nisim->body, header->body_bytes, &answer);
    size_t wanted = record != 0 || answer.record_count == 0 ? 1 : answer.record_count;
    if (fault.status != STATUS_OK || answer.data_count != wanted)
        return client_lost(nisim, "the answer is not well formed");
    out->record_count = answer.record_count;
    out->data_count = answer.data_count;
    out->data_bytes = answer.data_bytes;
    memcpy(out->data, answer.data, answer.data_count * answer.data_bytes);
    return NISIM_OK;
}

enum nisim_result nisim_read_file(struct nisim *nisim, enum nisim_name by, const char *name,
                                  uint16_t file, unsigned record, struct nisim_file *out)
{
    uint8_t frame[FRAME_HEADER_BYTES + 4 + NAME_BYTES_MAX + 16];
    struct file_request request = {.file = file, .record = (uint8_t)record};
    struct frame_header header = {0};
    *out = (struct nisim_file){0};
    enum nisim_result result = client_take_name(nisim, by, name, &request.subscriber);
    if (result != NISIM_OK)
        return result;
    if (record > UINT8_MAX)
        return client_fail(nisim, NISIM_BAD_REQUEST, "a record's number is 1 to 255, not %u",
                           record);
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    file_request_write(&writer, &request);
    result = client_ask(nisim, &writer, MESSAGE_READ_FILE, &header);
    return result == NISIM_OK ? take_file(nisim, &header, record, out) : result;
}
