#!/usr/bin/perl
# Serves Mail::DKIM over stdin and stdout, so that Perl starts once.
#
# A request is a line of words and octets of the length it ends with:
#   key NAME LENGTH           what DNS says at a name
#   forget 0                  no name has a key
#   verify REPEAT LENGTH      the message
#   sign REPEAT SELECTOR DOMAIN METHOD ALGORITHM KEYFILE NAMES LENGTH
# The answer to verify and sign is a line "SECONDS LENGTH" (CPU time of all repetitions), then
# the words of the signatures from top to bottom, or the field; a fault is "0 LENGTH" and "!why".
use strict;
use warnings;
use Mail::DKIM::DNS;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);

my %records;
my %keys;

{
    package Record;
    sub type    { return 'TXT' }
    sub txtdata { return @{ $_[0] } }
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name) = @_;
        return exists $records{$name} ? bless( [ $records{$name} ], 'Record' ) : ();
    };
}

sub verify {
    my ($octets) = @_;
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT($octets);
    $verifier->CLOSE;
    return join "\n", map { $_->result } $verifier->signatures;
}

sub sign {
    my ( $octets, $selector, $domain, $method, $algorithm, $file, $names ) = @_;
    my $key = $keys{$file} //= Mail::DKIM::PrivateKey->load( File => $file );
    my $signer = Mail::DKIM::Signer->new(
        Algorithm => $algorithm,
        Method    => $method,
        Domain    => $domain,
        Selector  => $selector,
        Key       => $key,
    );
    my %wanted = map { lc($_) => 1 } split /,/, $names;
    $signer->extended_headers( { map { $_ => $wanted{ lc $_ } ? 1 : 0 } keys %wanted } );
    $signer->PRINT($octets);
    $signer->CLOSE;
    return $signer->signature->as_string . "\r\n";
}

binmode STDIN;
binmode STDOUT;
$| = 1;
while ( my $line = <STDIN> ) {
    my ( $what, @words ) = split ' ', $line;
    my $length = pop @words;
    my $octets = '';
    read STDIN, $octets, $length if $length;
    if ( $what eq 'key' )    { $records{ $words[0] } = $octets; next }
    if ( $what eq 'forget' ) { %records = (); next }
    my $repeat = shift @words;
    my ( $answer, $spent ) = ( '', 0 );
    my $held = eval {
        my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        for ( 1 .. $repeat ) {
            $answer = $what eq 'verify' ? verify($octets) : sign( $octets, @words );
        }
        $spent = clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start;
        1;
    };
    $answer = "!$@" if !$held;
    print $spent, ' ', length $answer, "\n", $answer;
}
