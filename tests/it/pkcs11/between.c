/* A PKCS#11 module in front of another: it passes everything on, notes each login, and fails or waits while a file in CONTROL tells it to.
   Made for the stories of `pkcs11`; of the standard it knows where the functions stand in the list, and the flags of a token. */

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

typedef unsigned long ck;
struct list {
    unsigned char version[2];
    void *function[68];
};
enum { INITIALIZE, GET_SLOTS = 4, GET_TOKEN = 6, LOGIN = 18, FIND = 26, SIGN_BEGIN = 42 };

static struct list *behind, ours;

static int told(const char *what) {
    char path[512];
    snprintf(path, sizeof path, CONTROL "/%s", what);
    return access(path, F_OK) == 0;
}

static ck slots(unsigned char present, ck *all, ck *count) {
    if (told("removed")) {
        *count = 0;
        return 0;
    }
    return ((ck(*)(unsigned char, ck *, ck *))behind->function[GET_SLOTS])(present, all, count);
}

static ck token(ck slot, void *info) {
    ck answer = ((ck(*)(ck, void *))behind->function[GET_TOKEN])(slot, info);
    ck *flags = (ck *)((char *)info + 96);
    if (told("locked")) *flags |= 0x40000;
    if (told("final")) *flags |= 0x20000;
    return answer;
}

static ck login(ck session, ck who, unsigned char *pin, ck length) {
    FILE *notes = fopen(CONTROL "/logins", "a");
    fputc('.', notes);
    fclose(notes);
    if (told("locks")) return 0xa4;
    return ((ck(*)(ck, ck, unsigned char *, ck))behind->function[LOGIN])(session, who, pin, length);
}

static ck find(ck session, void *template, ck count) {
    while (told("hangs")) usleep(50000);
    if (told("removed")) return 0x32;
    /* Once. */
    if (unlink(CONTROL "/lost") == 0) return 0xb3;
    return ((ck(*)(ck, void *, ck))behind->function[FIND])(session, template, count);
}

static ck sign(ck session, void *mechanism, ck key) {
    if (told("unsigned")) return 0x30;
    /* Tokens that know RSA without the hash alone. */
    if (told("raw") && *(ck *)mechanism == 0x40) return 0x70;
    return ((ck(*)(ck, void *, ck))behind->function[SIGN_BEGIN])(session, mechanism, key);
}

ck C_GetFunctionList(struct list **list) {
    if (!behind) {
        void *library = dlopen(BEHIND, RTLD_NOW);
        if (!library) return 5;
        ck answer = ((ck(*)(struct list **))dlsym(library, "C_GetFunctionList"))(&behind);
        if (answer) return answer;
        ours = *behind;
        ours.function[GET_SLOTS] = slots;
        ours.function[GET_TOKEN] = token;
        ours.function[LOGIN] = login;
        ours.function[FIND] = find;
        ours.function[SIGN_BEGIN] = sign;
    }
    *list = &ours;
    return 0;
}
