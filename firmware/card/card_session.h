/* The state of one card in use, from its reset on. Lives in pages of secret_pages_new. */
#ifndef NISIM_CARD_CARD_SESSION_H
#define NISIM_CARD_CARD_SESSION_H

#include "apdu.h"

#define CARD_CHANNELS 4 /* logical channels that CLA can name in two bits (TS 102 221 10.1.1) */
#define FID_NONE 0x0000

enum card_directory {
    DIRECTORY_MF,
    DIRECTORY_ISIM, /* ADF.ISIM */
};

struct card_channel {
    bool is_open;
    bool is_active; /* the ISIM was selected by its AID: 7FFF names it */
    enum card_directory directory;
    uint16_t file;  /* the current EF, FID_NONE for none */
    uint8_t record; /* the current one, from 1; 0: none */
};

struct card_session {
    struct card_channel channels[CARD_CHANNELS]; /* channel 0 is always open */
    bool pin_verified;
    uint8_t response_channel; /* whose GET RESPONSE may have it */
    size_t response_bytes;    /* 0: none waits */
    uint8_t response[APDU_DATA_BYTES_MAX];
};

/* As after a reset: the basic channel at the MF, nothing verified, nothing waiting. */
void card_session_reset(struct card_session *session);

#endif
